"""Space groups of crystals, found by spglib, and the crystal systems that they belong to."""

from __future__ import annotations

import os
import warnings

import numpy as np

from common.chem.crystal import Crystal
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.cache import featurize

#: Tolerance of positions in angstrom with which the Materials Project states its space groups.
TOLERANCE = 0.1
#: Crystal system -> its last space group.
SYSTEMS = {
    "triclinic": 2,
    "monoclinic": 15,
    "orthorhombic": 74,
    "tetragonal": 142,
    "trigonal": 167,
    "hexagonal": 194,
    "cubic": 230,
}


def space_group(crystal: Crystal) -> int:
    """The number of the space group, 1 to 230."""
    os.environ.setdefault("SPGLIB_WARNING", "OFF")  # or it writes to the terminal what it tries in between
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of how later versions will report a failure
        found = spglib.get_symmetry_dataset((crystal.lattice, crystal.frac, crystal.numbers), symprec=TOLERANCE)
    if found is None:
        raise UserError("spglib finds no space group; check for atoms that lie on one another")
    return int(found.number)


def crystal_system(number: int) -> str:
    """The crystal system of a space group.

    >>> crystal_system(136)
    'tetragonal'
    """
    if not 1 <= number <= 230:
        raise UserError(f"{number} is no space group; they run from 1 to 230")
    return next(name for name, last in SYSTEMS.items() if number <= last)


def _row(crystal: Crystal) -> dict[str, np.ndarray]:
    return {"number": np.array([space_group(crystal)], dtype=np.uint8)}


def space_groups(table: MaterialsDataset, jobs: int = 1) -> np.ndarray:
    """The space group of every material, 0 where none is found; cached."""
    made = featurize(table, "space-group-1", _row, jobs=jobs)
    numbers = np.zeros(len(table), dtype=int)
    if made.features is not None:
        numbers[made.rows] = made.features.field("number").values
    return numbers


def facts(table: MaterialsDataset) -> dict[str, np.ndarray]:
    """What the tables by symmetry need to know of every material."""
    return {"space_group": space_groups(table)}
