"""Tiles of an image and the probabilities that nuclei-train computes for them, to compare exported models with."""

import csv
import subprocess
import sys

import numpy
from PIL import Image


def tiles_of(image, side, count):
    """Tiles of a grid over an image, at most `count`, as an array of samples, rows, columns, channels."""
    pixels = numpy.asarray(Image.open(image).convert("RGB"))
    places = [(y, x) for y in range(0, pixels.shape[0] - side + 1, side) for x in range(0, pixels.shape[1] - side + 1, side)]
    if not places:
        sys.exit(f"{image}: expected an image of at least {side} x {side} pixels, found {pixels.shape[1]} x {pixels.shape[0]}")
    chosen = places[:: max(1, len(places) // count)][:count]
    return numpy.stack([pixels[y : y + side, x : x + side] for y, x in chosen])


def expected(program, model, tiles, folder):
    """The probabilities of nuclei that nuclei-train computes, and the tiles they are of: those that look like its training
    tiles are not scored."""
    with open(f"{folder}/labels.csv", "w") as labels:
        labels.write("filename,label\n")
        for index, tile in enumerate(tiles):
            Image.fromarray(tile).save(f"{folder}/{index}.png")
            labels.write(f"{index}.png,{['NUCLEI', 'NO_NUCLEUS'][index % 2]}\n")
    table = f"{folder}/predictions.csv"
    command = [program, "evaluate", folder, "--model", model, "--split", "unseen", "--predictions", table, "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(table) as file:
        found = {row["filename"]: float(row["nuclei_probability"]) for row in csv.DictReader(file)}
    places = [index for index in range(len(tiles)) if f"{index}.png" in found]
    return places, numpy.array([found[f"{index}.png"] for index in places])
