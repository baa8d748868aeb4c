#!/usr/bin/env python3
"""Scores outlines of nuclei against the truth, beside other methods, and prints a Markdown table.

Methods: the bundled U-Net (nuclei-mask), the bundled classifier with --refine hematoxylin, a watershed on the
hematoxylin channel of scikit-image (Otsu's threshold, seeds from the distance transform), and with --qupath the cell
detection of QuPath with its default settings.

Images: the crops of DATA/crops with a truth, none of which any model has learned, and the images of DATA/nuclei_images
whose groups tools/train-unet.sh holds out. All are at 40x, 0.25 microns per pixel. Intervals are 95 % bootstrap intervals
of the mean over images.

With --magnifications, the table has the scores of nuclei-mask on the held-out images reduced to lower magnifications, with
their outlines.

OUT gets masks and links. Needs NumPy, Pillow and scikit-image 0.26; --qupath needs Java 17 and the class path of QuPath 0.5,
'FOLDER/lib/app/*' of an installation.

Usage: tools/compare-nuclei.py DATA OUT [--qupath CLASSPATH | --magnifications]
"""

import argparse
import csv
import json
import pathlib
import random
import statistics
import subprocess
import sys

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2hed
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.morphology import remove_small_objects
from skimage.segmentation import watershed

ROOT = pathlib.Path(__file__).resolve().parent.parent
MASK = ROOT / ".build" / "release" / "nuclei-mask"
HELD_OUT = {
    "NuInsSeg, three organs held out": ["NuInsSeg:human bladder", "NuInsSeg:human kidney", "NuInsSeg:mouse spleen"],
    "TNBC, two patients held out": ["TNBC:patient07", "TNBC:patient08"],
}


def link(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(source)


def image_sets(data, out):
    """Folders with images and their truth, by name."""
    sets = {}
    for truth in sorted((data / "crops").glob("*_truth.png")):
        stem = truth.name.removesuffix("_truth.png")
        (image,) = (path for path in (data / "crops").glob(f"{stem}.*") if path.suffix in {".jpg", ".png"})
        source = crop_sources(data)[image.name]
        folder = out / "images" / f"{source}, crops"
        sets[folder.name] = folder
        link(image, folder / image.name)
        link(truth, folder / "truth" / truth.name)
    with open(data / "nuclei_images" / "images.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name, groups in HELD_OUT.items():
        sets[name] = out / "images" / name
        for row in rows:
            if row["group"] in groups:
                image = data / "nuclei_images" / row["filename"]
                link(image, sets[name] / image.name)
                labels = image.with_name(f"{image.stem}_labels.png")
                link(labels, sets[name] / "truth" / labels.name)
    return sets


def reduced_sets(data, out):
    """Folders with the held-out images reduced by whole factors and their truth, by name, factor by factor."""
    full = {name: folder for name, folder in image_sets(data, out).items() if name in HELD_OUT}
    for factor in [1, 2, 4, 6, 8]:
        for name, source in full.items():
            folder = out / "images" / f"{name}, {factor}"
            (folder / "truth").mkdir(parents=True, exist_ok=True)
            for path in images(source):
                image = Image.open(path).convert("RGB")
                # Sides that the factor divides: then a pixel of the truth lies at the center of a reduced one.
                width, height = (side // factor * factor for side in image.size)
                image.crop((0, 0, width, height)).reduce(factor).save(folder / f"{path.stem}.png")
                labels = np.array(Image.open(source / "truth" / f"{path.stem}_labels.png"))
                centers = labels[factor // 2:height:factor, factor // 2:width:factor]
                Image.fromarray(centers).save(folder / "truth" / f"{path.stem}_labels.png")
            yield factor, name, folder


def crop_sources(data):
    """The source of each crop: the first word of its name in sources.csv."""
    with open(data / "crops" / "sources.csv", newline="", encoding="utf-8") as file:
        return {row["filename"]: row["source"].split()[0] for row in csv.DictReader(file)}


def images(folder):
    return [path for path in sorted(folder.iterdir()) if path.suffix in {".jpg", ".png"}]


def run_nuclei(options, mpp=0.25):
    def masks(folder, target):
        subprocess.run(
            [MASK, *images(folder), "--mpp", str(mpp), "-q", "--output-folder", target, *options], check=True)
    return masks


def run_outlines(folder, target, mpp=0.25):
    """Writes label images, like scikit-image and QuPath here: in masks, a line separates nuclei that touch."""
    run_nuclei(["--precision", "float32", "--labels", target / "{}_labels.tif"], mpp)(folder, target / "masks")


def run_scikit_image(folder, target):
    target.mkdir(parents=True, exist_ok=True)
    for path in images(folder):
        stain = gaussian(rgb2hed(np.array(Image.open(path).convert("RGB")))[..., 0], 2)
        found = remove_small_objects(ndimage.binary_fill_holes(stain > threshold_otsu(stain)), max_size=96)
        distance = gaussian(ndimage.distance_transform_edt(found), 2)
        seeds = np.zeros(found.shape, int)
        for number, peak in enumerate(peak_local_max(distance, min_distance=8, labels=ndimage.label(found)[0]), 1):
            seeds[tuple(peak)] = number
        labels = watershed(-distance, seeds, mask=found)
        Image.fromarray(labels.astype(np.uint16)).save(target / f"{path.stem}_labels.png")


def run_qupath(classpath):
    def masks(folder, target):
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["java", "-Djava.awt.headless=true", "-cp", classpath, ROOT / "tools" / "peers" / "QuPathNuclei.java", "0.25",
             target, *images(folder)], check=True, stdout=subprocess.DEVNULL)
    return masks


METHODS = {
    "`nuclei-mask`": run_outlines,
    "`--refine hematoxylin`": run_nuclei(["--stride", "64", "--refine", "hematoxylin"]),
    "scikit-image": run_scikit_image,
}


def interval(values):
    """Mean and 95 % bootstrap interval."""
    rng = random.Random(1)
    means = sorted(statistics.mean(rng.choices(values, k=len(values))) for _ in range(2000))
    return f"{statistics.mean(values):.3f} ({means[50]:.3f} to {means[1949]:.3f})"


def scores(target, folder):
    """Number of images, and cells of the table: means with intervals, and the median of the count error."""
    scored = subprocess.run([MASK, "score", target, folder / "truth", "--json"], check=True, stdout=subprocess.PIPE)
    found = json.loads(scored.stdout)["images"]
    values = {key: [image["score"][key] for image in found] for key in ["dice", "f1", "countError"]}
    cells = [interval(values[key]) for key in values] + [f'{statistics.median(values["countError"]):.3f}']
    return len(found), " | ".join(cells)


def compare_methods(data, out, methods):
    yield "| Images | Method | Dice | Object F1 | Count error | Its median |"
    yield "|---|---|---|---|---|---|"
    for name, folder in image_sets(data, out).items():
        for method, make in methods.items():
            target = out / "masks" / name / method.strip("`").replace(" ", "_")
            make(folder, target)
            count, cells = scores(target, folder)
            yield f"| {name} ({count}) | {method} | {cells} |"


def compare_magnifications(data, out):
    yield "| Microns per pixel | Images | Dice | Object F1 | Count error | Its median |"
    yield "|---|---|---|---|---|---|"
    for factor, name, folder in reduced_sets(data, out):
        target = out / "masks" / f"{name}, {factor}"
        run_outlines(folder, target, 0.25 * factor)
        count, cells = scores(target, folder)
        yield f"| {0.25 * factor:g} | {name} ({count}) | {cells} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--qupath", metavar="CLASSPATH", help="class path of QuPath")
    choice.add_argument("--magnifications", action="store_true", help="compare magnifications instead of methods")
    options = parser.parse_args()
    data, out = options.data.resolve(), options.out.resolve()
    if options.magnifications:
        lines = compare_magnifications(data, out)
    else:
        extra = {"QuPath 0.5.1, defaults": run_qupath(options.qupath)} if options.qupath else {}
        lines = compare_methods(data, out, METHODS | extra)
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
