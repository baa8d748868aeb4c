#!/usr/bin/env python3
"""Remakes the pictures of README.md that show the bundled model at work, .github/images/outputs.jpg and overlay.jpg, after
the model has changed. SLIDE is CMU-1-Small-Region, which tools/demo.sh leaves in data/demo. Needs Pillow.

Usage: tools/pictures.py SLIDE
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image, ImageDraw

ROOT = pathlib.Path(__file__).resolve().parent.parent
MASK = ROOT / ".build" / "release" / "nuclei-mask"
IMAGES = ROOT / ".github" / "images"
# A part of the slide without keratin, in pixels of its full resolution, and its enlargement.
PART, ENLARGEMENT = (1045, 705, 1445, 1005), 3
DARK, LIGHT = (0, 70, 30), (40, 205, 110)


def outlines(path):
    """The outer ring of each nucleus in a GeoJSON file, in pixels of the slide."""
    for feature in json.loads(path.read_text())["features"]:
        yield [tuple(point) for point in feature["geometry"]["coordinates"][0]]


def draw(image, rings, origin, scale, color, width):
    pen = ImageDraw.Draw(image)
    for ring in rings:
        # One line with rounded joints, closed by repeating its first edge.
        points = [((x - origin[0]) * scale, (y - origin[1]) * scale) for x, y in ring + ring[1:2]]
        pen.line(points, fill=color, width=width, joint="curve")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip().splitlines()[-1])
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 64)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        slide = folder / "slide.svs"
        slide.symlink_to(pathlib.Path(sys.argv[1]).resolve())
        nuclei = folder / "nuclei.geojson"
        subprocess.run([MASK, slide, "--nuclei", nuclei, "--quiet"], check=True)
        subprocess.run([MASK, "overlay", slide, "--size", "1400", "--quiet"], check=True)
        (overlay,) = folder.glob("*_overlay.png")
        panels = Image.open(overlay).convert("RGB")
        size = (1400, round(panels.height * 1400 / panels.width))
        panels.resize(size, Image.LANCZOS).save(IMAGES / "overlay.jpg", quality=85)

        rings = list(outlines(nuclei))
        whole = Image.open(slide).convert("RGB")
    height = (PART[3] - PART[1]) * ENLARGEMENT
    detail = whole.crop(PART).resize(((PART[2] - PART[0]) * ENLARGEMENT, height), Image.BICUBIC)
    draw(detail, rings, PART, ENLARGEMENT, LIGHT, 3)
    draw(whole, rings, (0, 0), 1, DARK, 3)
    ImageDraw.Draw(whole).rectangle(PART, outline=(0, 0, 0), width=7)
    left = whole.resize((round(whole.width * height / whole.height), height), Image.LANCZOS)
    picture = Image.new("RGB", (left.width + 12 + detail.width, height), (255, 255, 255))
    picture.paste(left, (0, 0))
    picture.paste(detail, (left.width + 12, 0))
    picture.save(IMAGES / "outputs.jpg", quality=80)
    print(f"pictures: {len(rings)} nuclei; wrote {IMAGES}/outputs.jpg and overlay.jpg")


if __name__ == "__main__":
    main()
