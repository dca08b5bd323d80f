"""The orientation in which a crystal meets the beam: a along x, b in the xy plane, as in the authors' cells.

Databases store the same crystal turned in different ways (pymatgen often has c along z), and the picture depends on it.
"""

from __future__ import annotations

import numpy as np

from common.chem.crystal import Crystal
from common.errors import UserError

#: Volume over the product of the three lengths below which the vectors count as lying in one plane.
LEAST_VOLUME = 1e-3


def oriented(crystal: Crystal) -> Crystal:
    """The same crystal, rotated so that a lies along x and b in the xy plane with b_y > 0.

    A left-handed set of vectors is replaced by its negative, with negative coordinates, which is the same crystal.
    """
    lattice, frac = crystal.lattice, crystal.frac
    lengths = np.linalg.norm(lattice, axis=1)
    volume = np.linalg.det(lattice)
    if not lengths.all() or abs(volume) < LEAST_VOLUME * lengths.prod():
        raise UserError("the lattice vectors lie nearly in one plane; check the cell")
    if volume < 0:
        lattice, frac = -lattice, -frac
    # lattice = T Q: T lower triangular with a positive diagonal, Q a rotation.
    triangle = np.linalg.qr(lattice.T, mode="r").T
    return Crystal(crystal.numbers, triangle * np.sign(np.diag(triangle)), frac)
