#!/usr/bin/env python3
"""Compares a model as ONNX with nuclei-train: exports it, cuts tiles from an image, and prints the largest difference of the
probabilities of nuclei in each program that is installed: ONNX Runtime, OpenVINO, OpenCV. Ends with 1 where one is above the
tolerance.

Needs numpy, pillow, onnx and at least one of onnxruntime, openvino and opencv-python-headless, and nuclei-train on the PATH.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy
import onnx

from evaluated_tiles import expected, tiles_of


# Optical densities of hematoxylin, eosin and DAB in red, green and blue (Ruifrok and Johnston, 2001).
STAINS = numpy.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105], [0.268, 0.570, 0.776]])


def hematoxylin(tiles):
    """Densities of hematoxylin of tiles x height x width x RGB bytes: means over the 3 x 3 pixels around each, as far as they
    are in the tile."""
    unmixing = numpy.linalg.inv(STAINS / numpy.linalg.norm(STAINS, axis=1, keepdims=True))[:, 0]
    densities = -numpy.log10(numpy.maximum(tiles, 1) / 255) @ unmixing

    def sums(values):
        padded = numpy.pad(values, ((0, 0), (1, 1), (1, 1)))
        height, width = values.shape[1:]
        return sum(padded[:, y:y + height, x:x + width] for y in range(3) for x in range(3))

    return sums(densities) / sums(numpy.ones_like(densities))


def tile_scores(pixels, tiles, fit, calibration):
    """The calibrated probability of nuclei of each tile from those of its pixels: the mean over the 64 pixels that most look
    like a nucleus, as log odds on the line that the model file records. Pixels with hardly any hematoxylin do not count."""
    nuclei = numpy.where(hematoxylin(tiles) < 0.12, 0, 1 - pixels[:, 0])
    nuclei = numpy.sort(nuclei.reshape(len(pixels), -1), axis=1)[:, -64:].mean(axis=1)
    nuclei = numpy.clip(nuclei, 1e-6, 1 - 1e-6)
    odds = numpy.log(nuclei / (1 - nuclei))
    if fit:
        odds = fit["slope"] * odds + fit["offset"]
    if calibration:
        odds = odds / calibration["temperature"]
    return 1 / (1 + numpy.exp(-odds))


def programs(path):
    """Functions that compute the output of a file, by the names of the programs that are installed."""
    found = {}
    try:
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found[f"ONNX Runtime {onnxruntime.__version__}"] = lambda x: session.run(None, {"image": x})[0]
    except ImportError:
        pass
    try:
        import openvino

        compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found[f"OpenVINO {openvino.__version__.split('-')[0]}"] = lambda x: compiled([x])[0]
    except ImportError:
        pass
    try:
        import cv2

        network = cv2.dnn.readNetFromONNX(path)

        def forward(x):
            network.setInput(x)
            return network.forward()

        found[f"OpenCV {cv2.__version__}"] = forward
    except ImportError:
        pass
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="model file (.safetensors)")
    parser.add_argument("image", help="image to cut tiles from, in no split of the model")
    parser.add_argument("--count", type=int, default=64, help="tiles at most (64)")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="largest difference of probabilities (1e-5)")
    parser.add_argument("--program", default="nuclei-train", help="path of nuclei-train")
    arguments = parser.parse_args()

    shown = json.loads(subprocess.run([arguments.program, "info", arguments.model, "--json"], check=True,
                                      capture_output=True).stdout)
    info = shown["description"]
    tiles = tiles_of(arguments.image, info["tileSize"], arguments.count)
    planes = numpy.ascontiguousarray(tiles.transpose(0, 3, 1, 2), dtype=numpy.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.onnx"
        subprocess.run([arguments.program, "export", arguments.model, "--onnx", path, "--quiet"], check=True)
        onnx.checker.check_model(path, full_check=True)
        print(f"{os.path.getsize(path)} bytes, valid")
        os.mkdir(f"{folder}/tiles")
        places, truth = expected(arguments.program, arguments.model, tiles, f"{folder}/tiles")
        found = programs(path)
        if not found:
            sys.exit("check-onnx: expected ONNX Runtime, OpenVINO or OpenCV, found none")
        failed = False
        for name, compute in found.items():
            output = compute(planes[places])
            outlines = output.ndim == 4
            nuclei = tile_scores(output, tiles[places], info.get("tileScoreFit"), shown.get("calibration")) if outlines else output[:, info["classes"].index("NUCLEI")]
            difference = numpy.abs(nuclei - truth).max()
            failed |= not difference <= arguments.tolerance
            print(f"{name}: {len(places)} tiles, probabilities within {difference:.1e}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
