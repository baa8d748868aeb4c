#!/usr/bin/env python3
"""Writes a lenet5, compact or resnet18 model for wsinfer and QuPath's WSInfer extension: a folder with torchscript_model.pt and
config.json. With --check IMAGE, also compares the probabilities of nuclei with those of nuclei-train on tiles cut from the image,
and ends with 1 where they differ by more than the tolerance.

Needs numpy, torch and safetensors; --check also pillow, and nuclei-train on the PATH.
"""

import argparse
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy
import torch
from safetensors import safe_open

sys.path.append(str(Path(__file__).parent / "peers"))
import networks


class Calibrated(torch.nn.Module):
    """A network whose logits are divided by the temperature: wsinfer and QuPath only apply softmax to them."""

    def __init__(self, network, temperature):
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, x):
        return self.network(x) / self.temperature


def configuration(description, spacing):
    """The content of config.json. Pixels are scaled from 0 to 1 before they are normalized."""
    side, statistics = description["tileSize"], description["statistics"]
    normalization = {name: [value / 255 for value in statistics[key]] for name, key in (("mean", "mean"), ("std", "deviation"))}
    return {
        "spec_version": "1.0",
        "architecture": description["architecture"],
        "num_classes": len(description["classes"]),
        "class_names": description["classes"],
        "patch_size_pixels": side,
        "spacing_um_px": spacing,
        "transform": [
            {"name": "Resize", "arguments": {"size": side}},
            {"name": "ToTensor"},
            {"name": "Normalize", "arguments": normalization},
        ],
    }


def largest_difference(folder, model, image, count, program):
    """The number of tiles, and the largest difference of their probabilities of nuclei from those of nuclei-train. The model
    is read from its folder, and its settings are applied as wsinfer does."""
    from evaluated_tiles import expected, tiles_of

    config = json.loads((folder / "config.json").read_text())
    network = torch.jit.load(folder / "torchscript_model.pt")
    normalization = config["transform"][-1]["arguments"]
    mean, deviation = (numpy.array(normalization[name], numpy.float32) for name in ("mean", "std"))
    tiles = tiles_of(image, config["patch_size_pixels"], count)
    with tempfile.TemporaryDirectory() as work:
        places, truth = expected(program, model, tiles, work)
    pixels = ((tiles[places] / numpy.float32(255) - mean) / deviation).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        output = network(torch.from_numpy(numpy.ascontiguousarray(pixels))).softmax(1).numpy()
    return len(places), numpy.abs(output[:, config["class_names"].index("NUCLEI")] - truth).max()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="model file (.safetensors)")
    parser.add_argument("folder", type=Path, help="folder to write, which is made where needed")
    parser.add_argument("--mpp", type=float, help="microns per pixel of a model whose file states none")
    parser.add_argument("--check", metavar="IMAGE", help="image to cut tiles from, in no split of the model")
    parser.add_argument("--count", type=int, default=64, help="tiles at most (64)")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="largest difference of probabilities (1e-5)")
    parser.add_argument("--program", default="nuclei-train", help="path of nuclei-train")
    arguments = parser.parse_args()

    with safe_open(arguments.model, "numpy") as file:
        metadata = file.metadata() or {}
    if "model" not in metadata:
        sys.exit(f"{arguments.model}: expected a model of nuclei-train, found a file without its metadata")
    description = json.loads(metadata["model"])
    if description["architecture"] not in ("lenet5", "compact", "resnet18"):
        sys.exit(f"{arguments.model}: expected lenet5, compact or resnet18, found {description['architecture']}")
    spacing = description.get("micronsPerPixel", arguments.mpp)
    if spacing is None:
        sys.exit(f"{arguments.model}: expected a resolution, found none: use --mpp")
    if arguments.mpp not in (None, spacing):
        sys.exit(f"--mpp: expected {spacing:g}, which {arguments.model} states, found {arguments.mpp:g}")

    # TorchScript is deprecated in PyTorch, but it is what both programs read.
    warnings.filterwarnings("ignore", category=FutureWarning)
    temperature = json.loads(metadata.get("calibration", "{}")).get("temperature", 1.0)
    network = Calibrated(networks.load(description["architecture"], arguments.model), temperature).eval()
    side = description["tileSize"]
    with torch.inference_mode():
        script = torch.jit.trace(network, torch.zeros(2, 3, side, side))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    script.save(arguments.folder / "torchscript_model.pt")
    text = json.dumps(configuration(description, spacing), indent=2)
    (arguments.folder / "config.json").write_text(text + "\n")
    print(f"{arguments.folder}: {description['architecture']}, {spacing:g} microns per pixel, temperature {temperature:.3f}")
    if arguments.check:
        count, difference = largest_difference(
            arguments.folder, arguments.model, arguments.check, arguments.count, arguments.program)
        print(f"TorchScript in PyTorch {torch.__version__}: {count} tiles, probabilities within {difference:.1e}")
        sys.exit(0 if difference <= arguments.tolerance else 1)


if __name__ == "__main__":
    main()
