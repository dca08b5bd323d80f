"""Pearson's r with the authors' published pictures; `python -m diffcomp.diffraction.published` prints it.

The pictures are compared with those of the structures that training reads, by Materials Project id.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.cli import parser as cli
from common.data.materials import MaterialsDataset
from common.io.text import aligned
from common.sources import load_source
from common.sources.datadir import existing
from diffcomp.diffraction.images import SIZE, image, resized

#: Side in pixels of the central square that is left out: there the published pictures wrapped past 255.
MIDDLE = 12


class Likeness(NamedTuple):
    """Pearson's r of one picture, the mean over its three colours; of the cell rotated, and of the cell as stored."""

    name: str
    formula: str
    r: float
    r_as_stored: float


def published_ids(folder: Path) -> list[str]:
    """The ids of all published pictures in this folder."""
    return sorted(path.stem for path in (folder / "authors_patterns").glob("*.jpg"))


def likenesses(dataset: MaterialsDataset, folder: Path) -> list[Likeness]:
    """Of all published pictures whose id is in the dataset, best first; `folder` is that of the diffraction data."""
    found = []
    for name in published_ids(folder):
        if name in dataset:
            row = dataset.ids.tolist().index(name)
            published = picture_of(folder, name)
            r = [pearson(image(dataset.structure(row), variant="released", orient=o), published) for o in (True, False)]
            found.append(Likeness(name, str(dataset.formulas[row]), *r))
    return sorted(found, key=lambda one: -one.r)


def picture_of(folder: Path, name: str) -> np.ndarray:
    """A published picture, (128, 128, 3), as the network sees it."""
    from PIL import Image

    with Image.open(folder / "authors_patterns" / f"{name}.jpg") as published:
        return resized(np.asarray(published.convert("RGB")), SIZE, "BICUBIC")


def pearson(one: np.ndarray, other: np.ndarray) -> float:
    """Mean of Pearson's r over the three colours, without the central square."""
    around = np.ones((SIZE, SIZE), dtype=bool)
    first = (SIZE - MIDDLE) // 2
    around[first : first + MIDDLE, first : first + MIDDLE] = False
    return float(np.mean([np.corrcoef(one[..., k][around], other[..., k][around])[0, 1] for k in range(3)]))


def show(arguments) -> None:
    folder = existing("diffraction/authors_structures.h5").parent
    pack = load_source("mp-structures")
    found = likenesses(pack.select([name for name in published_ids(folder) if name in pack]), folder)
    rows = [[one.name, one.formula, f"{one.r:.3f}", f"{one.r_as_stored:.3f}"] for one in found]
    rows.append(
        ["median", "", f"{np.median([one.r for one in found]):.3f}", f"{np.median([o.r_as_stored for o in found]):.3f}"]
    )
    print(aligned(["id", "formula", "r", "cell as stored"], rows, left=2), end="")


def main() -> int:
    name = "python -m diffcomp.diffraction.published"
    parser = cli.make_parser(name, "Pearson's r with every published picture whose id is in the structure pack.", name)
    parser.set_defaults(command=show)
    return cli.run(parser)


if __name__ == "__main__":
    sys.exit(main())
