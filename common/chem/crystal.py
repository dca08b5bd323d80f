"""Lightweight array representation of a crystal, used by the featurizers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from common.chem.cell import check_lattice
from common.errors import UserError


class Crystal(NamedTuple):
    """Atomic numbers (n,), lattice (3, 3) with rows a, b, c in angstrom, fractional coordinates (n, 3)."""

    numbers: np.ndarray
    lattice: np.ndarray
    frac: np.ndarray

    @property
    def volume(self) -> float:
        return abs(float(np.linalg.det(self.lattice)))


def as_crystal(structure: Any) -> Crystal:
    """Convert a `Crystal`, a `(numbers, lattice, frac)` triple or a pymatgen `Structure`; refuse unphysical cells.

    A pymatgen structure is recognized by its attributes, so that this module need not import pymatgen.
    """
    if hasattr(structure, "frac_coords"):
        if not structure.is_ordered:
            formula = structure.composition.formula.replace(" ", "")
            raise UserError(
                f"{formula}: partial occupancy; give an ordered structure, or the formula where that is enough"
            )
        structure = (structure.atomic_numbers, structure.lattice.matrix, structure.frac_coords)
    try:
        numbers, lattice, frac = structure
        crystal = Crystal(
            np.asarray(numbers, dtype=np.int64).reshape(-1),
            np.asarray(lattice, dtype=np.float64).reshape(3, 3),
            np.asarray(frac, dtype=np.float64).reshape(-1, 3),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"not a structure (n atomic numbers, 3 x 3 lattice, n x 3 positions): {error}") from None
    _check(crystal)
    return crystal


def _check(crystal: Crystal) -> None:
    if len(crystal.numbers) == 0:
        raise UserError("the structure has no atoms")
    if len(crystal.numbers) != len(crystal.frac):
        raise UserError(f"{len(crystal.numbers)} atomic numbers but {len(crystal.frac)} positions")
    if not np.isfinite(crystal.frac).all():
        raise UserError("a position is not a number")
    check_lattice(crystal.lattice)
