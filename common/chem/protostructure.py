"""What symmetry leaves of a crystal: its space group and which elements sit on which Wyckoff positions.

Its name is the protostructure label, as AFLOW writes prototypes, with the elements behind it:
that of rutile is `A2B_tP6_136_f_a:O-Ti`.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from typing import NamedTuple

import numpy as np

from common.chem.crystal import Crystal, as_crystal
from common.chem.elements import SYMBOLS
from common.chem.lattice import refuse_overlap
from common.chem.wyckoff import LETTERS, family, space_groups
from common.errors import UserError

#: Tolerances of positions in angstrom and of angles in degrees: those of Wren's authors. A second search, in the cell
#: that the first one has made symmetric, is strict.
TOLERANCE, ANGLE, STRICT = 0.1, 5.0, 1e-5


class Sites(NamedTuple):
    """Space group, then of every occupied Wyckoff position atomic number and letter; atoms of a conventional cell."""

    group: int
    numbers: tuple[int, ...]
    letters: tuple[str, ...]
    conventional: int


def wyckoff_sites(structure) -> Sites:
    """The occupied positions, in order of the elements' symbols and the letters."""
    crystal = as_crystal(structure)
    refuse_overlap(crystal)
    found = _dataset(crystal, TOLERANCE, ANGLE)
    sites = _sites(found, crystal.numbers)
    if sites is None:
        refined = Crystal(np.asarray(found.std_types, dtype=np.int64), found.std_lattice, found.std_positions)
        sites = _sites(_dataset(refined, STRICT, -1.0), refined.numbers)
    if sites is None:
        raise UserError("its Wyckoff positions do not add up to its formula; its symmetry is too inexact")
    return sites


def _dataset(crystal: Crystal, tolerance: float, angle: float):
    os.environ.setdefault("SPGLIB_WARNING", "OFF")  # or it writes to the terminal what it tries in between
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of how later versions will report a failure
        try:
            cell = (crystal.lattice, crystal.frac, crystal.numbers)
            found = spglib.get_symmetry_dataset(cell, symprec=tolerance, angle_tolerance=angle)
        except getattr(spglib, "SpglibError", ValueError):  # earlier versions return None
            found = None
    if found is None:
        raise UserError("spglib finds no space group; check for atoms that lie on one another")
    return found


def _sites(found, numbers: np.ndarray) -> Sites | None:
    """None where the multiplicities contradict the formula."""
    group = space_groups()[int(found.number)]
    orbits = np.unique(found.equivalent_atoms)
    pairs = sorted((SYMBOLS[numbers[k]], found.wyckoffs[k], int(numbers[k])) for k in orbits)
    atoms: Counter = Counter()
    for _, letter, z in pairs:
        if letter not in group.positions:
            return None
        atoms[z] += group.multiplicity(letter)
    there = Counter(numbers.tolist())
    if any(atoms[z] * len(numbers) != n * atoms.total() for z, n in there.items()):
        return None
    zs, letters = tuple(p[2] for p in pairs), tuple(p[1] for p in pairs)
    return Sites(int(found.number), zs, letters, len(found.std_types))


def equivalent(sites: Sites) -> list[tuple[str, ...]]:
    """The letters under every equivalent choice of origin and axes, each different outcome once."""
    tables = (str.maketrans(LETTERS[: len(to)], to) for to in space_groups()[sites.group].relabellings)
    return sorted({tuple("".join(sites.letters).translate(table)) for table in tables})


def protostructure_label(structure) -> str:
    """The label of a structure; crystals of one label differ in nothing that Wren sees.

    >>> protostructure_label(([11, 17], 4.0 * (np.ones((3, 3)) - np.eye(3)) / 2**0.5, [[0, 0, 0], [0.5] * 3]))
    'AB_cF8_225_a_b:Cl-Na'
    """
    sites = wyckoff_sites(structure)
    group = space_groups()[sites.group]
    elements = sorted(set(sites.numbers), key=SYMBOLS.__getitem__)
    atoms = [
        sum(group.multiplicity(one) for z, one in zip(sites.numbers, sites.letters, strict=True) if z == element)
        for element in elements
    ]
    formula = "".join(
        chr(ord("A") + k) + (str(n) if n > 1 else "") for k, n in enumerate(np.array(atoms) // np.gcd.reduce(atoms))
    )
    centring = "C" if group.centring == "A" else group.centring
    pearson = f"{family(sites.group)}{centring}{sites.conventional}"
    names = "-".join(SYMBOLS[z] for z in elements)
    return f"{formula}_{pearson}_{sites.group}_{_first(sites, elements)}:{names}"


def _first(sites: Sites, elements: list[int]) -> str:
    """The positions of every element, in the choice whose letters come first in the alphabet."""
    written = []
    for letters in equivalent(sites):
        parts, score = [], 0
        for element in elements:
            counts = Counter(one for z, one in zip(sites.numbers, letters, strict=True) if z == element)
            parts.append("".join((str(n) if n > 1 else "") + one for one, n in sorted(counts.items())))
            score += sum(0 if one == "A" else ord(one) - ord("a") + 1 for one in counts)
        written.append((score, "_".join(parts)))
    return min(written)[1]
