"""Pearson's r with the authors' published pictures; `python -m diffcomp.diffraction.published` prints it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.cli import parser as cli
from common.io.text import aligned
from diffcomp.diffraction.images import SIZE, image, resized

#: Side in pixels of the square in the middle that is left out: there the published pictures wrapped past 255.
MIDDLE = 12


class Likeness(NamedTuple):
    """Pearson's r of one picture, the mean over its three colours, here and as stored with the structure."""

    name: str
    formula: str
    r: float
    stored: float


def likenesses(folder: str | Path) -> list[Likeness]:
    """Of all published pictures whose structure is known; `folder` is that of the diffraction data."""
    from PIL import Image

    from common.io.hdf5 import open_hdf5

    around = np.ones((SIZE, SIZE), dtype=bool)
    first = (SIZE - MIDDLE) // 2
    around[first : first + MIDDLE, first : first + MIDDLE] = False
    found = []
    with open_hdf5(Path(folder) / "authors_structures.h5") as file:
        for name, group in file.items():
            made = image((group["Z"][:], group["lattice"][:], group["frac"][:]), variant="released")
            with Image.open(Path(folder) / "authors_patterns" / f"{name}.jpg") as published:
                theirs = resized(np.asarray(published.convert("RGB")), SIZE, "BICUBIC")
            r = [np.corrcoef(made[..., k][around], theirs[..., k][around])[0, 1] for k in range(3)]
            stored = float(np.mean(group.attrs["pearson_rgb_centre_masked"]))
            found.append(Likeness(name, str(group.attrs["formula"]), float(np.mean(r)), stored))
    return sorted(found, key=lambda one: -one.r)


def show(arguments) -> None:
    from common.sources.datadir import existing

    found = likenesses(existing("diffraction/authors_structures.h5").parent)
    rows = [[one.name, one.formula, f"{one.r:.3f}"] for one in found]
    print(aligned(["id", "formula", "r"], rows, left=2), end="")


def main() -> int:
    name = "python -m diffcomp.diffraction.published"
    parser = cli.make_parser(name, "Pearson's r with every published picture whose structure is known.", name)
    parser.set_defaults(command=show)
    return cli.run(parser)


if __name__ == "__main__":
    sys.exit(main())
