"""Masks of cell nuclei in H&E-stained whole-slide images, made by the program nuclei-mask of this package."""

import csv
import gzip
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .launcher import environment, executable

__all__ = ["Mask", "NucleiError", "mask"]


class NucleiError(Exception):
    """A failure of nuclei-mask. The message is what it printed, `status` is its exit status."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Mask:
    """A mask and how it was made."""

    #: Path of the image of the mask.
    path: Path
    #: The record of the mask: settings, model, areas, numbers of nuclei or windows, `files`.
    record: dict
    #: Whether parts of the slide could not be read.
    is_partly_unreadable: bool

    def file(self, kind):
        """The path of a file that was asked for, by the name of its option, with "tissue" for the outline of the tissue.

        Raises `ValueError` where it was not asked for.
        """
        files = self.record["files"]
        if kind not in files:
            raise ValueError(f"{self.path}: expected a mask made with the option {kind}, found {', '.join(sorted(files))}")
        # The record names files from its own folder, which is that of the mask.
        return self.path.parent / files[kind]

    def rows(self, kind="nuclei"):
        """The rows of a table that was asked for, as dictionaries of text: "nuclei", or "csv" for windows."""
        with open(self.file(kind), newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    @property
    def mask(self):
        """The mask as an array of rows x columns: 255 where nuclei are, else 0. Needs NumPy and Pillow."""
        return _pixels(self.path)

    @property
    def probabilities(self):
        """The map of the option `probabilities` as an array of rows x columns of floats; NaN where nothing was processed.
        Needs NumPy and Pillow."""
        return _pixels(self.file("probabilities"))

    @property
    def windows(self):
        """The table of the option `csv` as a data frame. Needs pandas."""
        import pandas

        return pandas.read_csv(self.file("csv"))

    @property
    def nuclei(self):
        """The nuclei of the option `nuclei` as a geographic data frame, in pixels of the full resolution: of a GeoJSON file,
        outlines by their IDs with a column for each measurement; of a CSV file, centers by their numbers. Needs GeoPandas."""
        import geopandas
        import pandas
        import shapely

        path = self.file("nuclei")
        if path.suffix == ".csv":
            table = pandas.read_csv(path, index_col="id")
            return geopandas.GeoDataFrame(table, geometry=shapely.points(table["x"], table["y"]))
        ids, outlines, measurements = [], [], []
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            # A nucleus in each line: millions need not be in memory as JSON.
            for line in file:
                if line.startswith('{"type":"Feature",'):
                    feature = json.loads(line.rstrip(",\n"))
                    ids.append(feature["id"])
                    outlines.append(shapely.geometry.shape(feature["geometry"]))
                    measurements.append(feature["properties"]["measurements"])
        # Without a reference system: coordinates are pixels, not degrees.
        return geopandas.GeoDataFrame(pandas.DataFrame(measurements, index=ids), geometry=outlines)


def _pixels(path):
    import numpy
    from PIL import Image

    # The check against decompression bombs refuses the size of slides.
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path) as image:
            return numpy.asarray(image)
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def mask(image, **options):
    """Masks one image or slide with nuclei-mask.

    Options are those of the command, with underscores: `mask("a.svs", output="a.png", nuclei="a.csv", mpp_override=True)`
    is `nuclei-mask a.svs --output a.png --nuclei a.csv --mpp-override`. Files appear where the command writes them.
    A list gives an option several values: `ensemble=["a.safetensors", "b.safetensors"]`, `tissue_class=["Tumor", "Stroma"]`.
    Options that are None or False are left out. Raises `NucleiError` unless a mask was made.
    """
    command = [executable("nuclei-mask"), "mask", str(image), "--quiet", "--json"]
    for name, value in options.items():
        if value is None or value is False:
            continue
        option = "--" + name.replace("_", "-")
        if value is True:
            command.append(option)
        elif isinstance(value, (list, tuple)) and name == "ensemble":
            command += [option, *map(str, value)]
        else:
            for one in value if isinstance(value, (list, tuple)) else [value]:
                command += [option, str(one)]
    result = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8")
    if result.returncode not in (0, 74):
        raise NucleiError(result.returncode, result.stderr.strip())
    made = json.loads(result.stdout)["images"][0]
    return Mask(Path(made["mask"]), made["record"], result.returncode == 74)
