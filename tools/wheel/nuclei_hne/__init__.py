"""Masks of cell nuclei in H&E-stained whole-slide images, made by the program nuclei-mask of this package."""

import csv
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
        """The path of a file that was asked for, by the name of its option, with "tissue" for the outline of the tissue."""
        # The record names files from its own folder, which is that of the mask.
        return self.path.parent / self.record["files"][kind]

    def rows(self, kind="nuclei"):
        """The rows of a table that was asked for, as dictionaries of text: "nuclei", or "csv" for windows."""
        with open(self.file(kind), newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def mask(image, **options):
    """Masks one image or slide with nuclei-mask.

    Options are those of the command, with underscores: `mask("a.svs", output="a.png", nuclei="a.csv", mpp_override=True)`
    is `nuclei-mask a.svs --output a.png --nuclei a.csv --mpp-override`. Files appear where the command writes them.
    Options that are None or False are left out. Raises `NucleiError` unless a mask was made.
    """
    command = [executable("nuclei-mask"), "mask", str(image), "--quiet", "--json"]
    for name, value in options.items():
        if value is None or value is False:
            continue
        command.append("--" + name.replace("_", "-"))
        if value is not True:
            command.append(str(value))
    result = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8")
    if result.returncode not in (0, 74):
        raise NucleiError(result.returncode, result.stderr.strip())
    made = json.loads(result.stdout)["images"][0]
    return Mask(Path(made["mask"]), made["record"], result.returncode == 74)
