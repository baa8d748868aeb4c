"""Masks of an image by this project and by other programs."""
import csv
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from programs import HERE, OURS, Failure, Program, export, quartiles, run, serve, table

# An untrained U-Net outlines noise.
BUNDLED = HERE.parent.parent / "models" / "nuclei-unet.safetensors"


def temperature_of(path):
    """Returns the temperature that a model file states; 1 without one."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return json.loads(header["__metadata__"].get("calibration", "{}")).get("temperature", 1)


def mask_once(options, folder, image, peer, stride, probabilities=False):
    """Masks an image; returns the seconds without loading the model, and the peak memory in MB."""
    mask = f"{folder}/{peer}.png"
    if peer != OURS:
        printed, memory = run([
            sys.executable, HERE / "mask.py", peer, "--network", options.network, "--folder", folder, "--image", image,
            "--stride", str(stride), "--batch", str(options.batch), "--threads", str(options.threads), "--output", mask,
            "--temperature", str(temperature_of(f"{folder}/model.safetensors")),
        ] + (["--probabilities", f"{folder}/{peer}.npy"] if probabilities else []), options)
        return json.loads(printed.splitlines()[-1])["seconds"], memory
    start = time.perf_counter()
    _, memory = run([
        options.bin / "nuclei-mask", image, "--model", f"{folder}/model.safetensors", "--threads", str(options.threads),
        "--output", mask, *(["--mpp", "0.25"] if options.network.startswith("unet") else ["--stride", str(stride)]),
        *(["--csv", f"{folder}/{peer}.csv"] if probabilities and not options.network.startswith("unet") else []),
    ], options)
    seconds = time.perf_counter() - start
    record = json.loads(pathlib.Path(mask).with_suffix(".json").read_text())
    return seconds - record["seconds"]["loading"], memory


def differences(folder, peer):
    """Returns the largest difference of window probabilities, None without windows, and the share of mask pixels that
    differ.
    """
    import numpy
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    masks = [numpy.asarray(Image.open(f"{folder}/{name}.png")) for name in (OURS, peer)]
    pixels = float((masks[0] != masks[1]).mean())
    if not pathlib.Path(f"{folder}/{peer}.npy").exists():
        return None, pixels
    with open(f"{folder}/{OURS}.csv") as file:
        ours = numpy.array([float(row["probability"]) for row in csv.DictReader(file)])
    return float(numpy.abs(ours - numpy.load(f"{folder}/{peer}.npy")).max()), pixels


def compare_masks(options):
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        Program(OURS, serve(options, folder, "infer"), options).end()
        model = options.model or (BUNDLED if options.network == "unet" else None)
        if model:
            shutil.copy(model, f"{folder}/model.safetensors")
        export(options, folder)
        image = options.image
        if not image:
            run([
                options.bin / "nuclei-train", "synthesize", f"{folder}/set", "--tiles", "0", "--crop-size", "4096",
            ], options)
            image = next(pathlib.Path(f"{folder}/set").glob("*crop*.jpg"))
        for stride in options.strides[:1] if options.network.startswith("unet") else options.strides:
            compare_masks_of(options, folder, image, stride)


def compare_masks_of(options, folder, image, stride):
    programs = []
    for program in [OURS] + options.peers:
        try:
            # Fills the file cache.
            mask_once(options, folder, image, program, stride, probabilities=True)
            programs.append(program)
        except Failure as failure:
            if program == OURS:
                raise
            print(f"skipped: {failure}", file=sys.stderr)
    agreement = {peer: differences(folder, peer) for peer in programs[1:]}
    precision = json.loads(pathlib.Path(f"{folder}/{OURS}.json").read_text())["settings"]["precision"]
    load = os.getloadavg()[0]
    results = {name: [] for name in programs}
    for _ in range(options.rounds):
        for name in programs:
            results[name].append(mask_once(options, folder, image, name, stride))
    print(
        f"\n{options.network}, masks of {image.name}{'' if options.network.startswith('unet') else f' at stride {stride}'}, "
        f"ours in {precision}, {options.threads} threads, without imports and loading of the model: "
        f"medians of {options.rounds} rounds, quartiles in brackets; "
        f"load average {load:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    rows = []
    for name in programs:
        low, middle, high = quartiles([seconds for seconds, _ in results[name]])
        row = [name, f"{middle:.2f} ({low:.2f} ... {high:.2f})"]
        memory = f"{statistics.median(memory for _, memory in results[name]):.0f}"
        if name == OURS:
            rows.append(row + ["", memory, "", ""])
            continue
        ratios = [theirs / ours for (theirs, _), (ours, _) in zip(results[name], results[OURS])]
        low, middle, high = quartiles(ratios)
        probability, pixels = agreement[name]
        rows.append(
            row + [f"**{middle:.2f}** ({low:.2f} ... {high:.2f})", memory,
                   "" if probability is None else f"{probability:.1e}", f"{pixels:.2%}"])
    table([
        "program", "seconds", "our speed-up", "peak memory, MB", "difference of probabilities", "difference of masks",
    ], rows)
