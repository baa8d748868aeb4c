#!/usr/bin/env python3
"""Masks an image and writes its nuclei and windows as SpatialData: an example of the Python module of the wheel.

The folder gets three elements. Shapes `nuclei` are the outlines of nuclei, shapes `windows` are the windows of a classifying
model with their probabilities, and the table `measurements` has a row for each nucleus. Coordinates are pixels of the full
resolution in the coordinate system `global`, and microns in `microns` if the resolution is known.

Needs nuclei-hne and spatialdata.
"""

import argparse
import tempfile
from pathlib import Path

import anndata
import geopandas
import nuclei_hne
import numpy
import pandas
import shapely
from spatialdata import SpatialData
from spatialdata.models import ShapesModel, TableModel
from spatialdata.transformations import Identity, Scale


def predicted(table):
    """The windows of a table that have a probability."""
    table = table[table["state"] == "predicted"].reset_index(drop=True)
    squares = shapely.box(table["x"], table["y"], table["x"] + table["width"], table["y"] + table["height"])
    return geopandas.GeoDataFrame({"probability": table["probability"]}, geometry=squares)


def spatial_data(image, stride=64, **options):
    """Masks an image twice: nuclei by the bundled network that outlines them, windows by the one that classifies them."""
    with tempfile.TemporaryDirectory() as folder:
        outlined = nuclei_hne.mask(image, output=f"{folder}/nuclei.tif", nuclei=f"{folder}/nuclei.geojson", **options)
        nuclei = outlined.nuclei
        classified = nuclei_hne.mask(image, output=f"{folder}/windows.tif", csv=f"{folder}/windows.csv",
                                     model="nuclei-compact", stride=stride, **options)
        windows = predicted(classified.windows)
    systems = {"global": Identity()}
    microns = outlined.record["image"].get("micronsPerPixel")
    if microns:
        systems["microns"] = Scale([microns["x"], microns["y"]], axes=("x", "y"))
    data = SpatialData(attrs={"image": str(image), "record": outlined.record})
    # Elements without shapes cannot be stored.
    if len(nuclei):
        measurements = pandas.DataFrame(nuclei.drop(columns="geometry"))
        data.shapes["nuclei"] = ShapesModel.parse(nuclei[["geometry"]], transformations=systems)
        about = pandas.DataFrame({"region": pandas.Categorical(["nuclei"] * len(nuclei)), "id": nuclei.index}, index=nuclei.index)
        table = anndata.AnnData(measurements.to_numpy(numpy.float32), obs=about, var=pandas.DataFrame(index=measurements.columns))
        data.tables["measurements"] = TableModel.parse(table, region="nuclei", region_key="region", instance_key="id")
    if len(windows):
        data.shapes["windows"] = ShapesModel.parse(windows, transformations=systems)
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path, help="slide or crop")
    parser.add_argument("folder", type=Path, help="folder to write, NAME.zarr, which does not exist")
    parser.add_argument("--stride", type=int, default=64, help="distance of windows in pixels of their model (64)")
    parser.add_argument("--mpp", type=float, help="microns per pixel of an image that states none")
    arguments = parser.parse_args()
    data = spatial_data(arguments.image, stride=arguments.stride, mpp=arguments.mpp)
    data.write(arguments.folder)
    print(data)


if __name__ == "__main__":
    main()
