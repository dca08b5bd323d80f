"""The limits that every package sets to unit cells; a cell outside them is a damaged file, not a material.

The 110,000 crystals of the Materials Project used here have lattice vectors of 2 to 275 angstrom and no two atoms
nearer than 0.7 angstrom.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.errors import UserError

#: Longest lattice vector, angstrom; generous, since an unreduced cell may be sheared.
LONGEST_VECTOR = 10_000.0
#: Shortest distance between two atoms, periodic images included, and shortest lattice vector, angstrom.
SHORTEST_DISTANCE = 0.5


def check_parameters(lengths: Sequence[float], angles: Sequence[float]) -> None:
    """Refuse lengths (angstrom) and angles (degrees) that give no cell, before they are turned into lattice vectors."""
    for length in lengths:
        if not length > 0:
            raise UserError(f"the cell has an edge of {length:g} angstrom; correct the cell lengths")
    for angle in angles:
        if not 0 < angle < 180:
            raise UserError(f"the cell has an angle of {angle:g} degrees; correct the cell angles")


def lattice_vectors(lengths: Sequence[float], angles: Sequence[float]) -> np.ndarray:
    """Rows a, b, c as pymatgen places them: c along z, a in the xz plane, to the last digit."""
    a, b, c = lengths
    cos, sin = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    reciprocal = np.arccos(np.clip((cos[0] * cos[1] - cos[2]) / (sin[0] * sin[1]), -1, 1))
    across = (-b * sin[0] * np.cos(reciprocal), b * sin[0] * np.sin(reciprocal), b * cos[0])
    return np.array([(a * sin[1], 0.0, a * cos[1]), across, (0.0, 0.0, c)])


def check_lattice(lattice: np.ndarray) -> None:
    """Refuse lattice vectors (3, 3) that are no numbers, too short, too long, or in one plane."""
    if not np.isfinite(lattice).all():
        raise UserError("a lattice vector is not a number")
    if abs(np.linalg.det(lattice)) < 1e-3:
        raise UserError("the cell has no volume; check the lattice vectors")
    lengths = np.sqrt((lattice**2).sum(axis=1))
    for length in (lengths.min(), lengths.max()):
        if not SHORTEST_DISTANCE <= length <= LONGEST_VECTOR:
            limits = f"{SHORTEST_DISTANCE:g} to {LONGEST_VECTOR:g}"
            raise UserError(f"a lattice vector of {length:.6g} angstrom is unphysical ({limits}); correct the cell")


def check_distances(distances: np.ndarray) -> None:
    """Refuse distances between atoms (angstrom) of which one is too short."""
    nearest = distances.min(initial=np.inf)
    if nearest < SHORTEST_DISTANCE:
        shown = min(nearest, SHORTEST_DISTANCE - 0.001)  # not rounded to the limit itself
        raise UserError(
            f"two atoms are only {shown:.3f} angstrom apart (at least {SHORTEST_DISTANCE:g}); "
            "remove duplicate atoms or correct the cell"
        )
