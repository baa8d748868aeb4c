"""Starts the executables of this package in place of the Python process."""

import importlib.util
import os
import sys
from pathlib import Path


def executable(program):
    """Path of an executable of this package."""
    return str(Path(__file__).parent / "bin" / program)


def environment():
    """The environment with NUCLEI_OPENSLIDE, which, unless it is set, names the library of openslide-bin."""
    variables = dict(os.environ)
    package = importlib.util.find_spec("openslide_bin")
    if "NUCLEI_OPENSLIDE" not in variables and package is not None:
        variables["NUCLEI_OPENSLIDE"] = str(Path(package.origin).parent / "libopenslide.so.1")
    return variables


def run(program):
    os.execve(executable(program), [program, *sys.argv[1:]], environment())


def mask():
    run("nuclei-mask")


def train():
    run("nuclei-train")
