"""Protostructure of a crystal: its space group and the elements on its Wyckoff positions.

The protostructure label is AFLOW's prototype label followed by the elements; that of rutile is `A2B_tP6_136_f_a:O-Ti`.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from common.chem.crystal import Crystal, as_crystal
from common.chem.elements import SYMBOLS
from common.chem.lattice import refuse_overlap
from common.chem.wyckoff import LETTERS, family, space_groups
from common.errors import UserError

#: Tolerances of positions (angstrom) and angles (degrees), as used by Wren's authors. A second search, in the
#: symmetrized cell of the first, is strict.
TOLERANCE, ANGLE, STRICT = 0.1, 5.0, 1e-5


class Sites(NamedTuple):
    """Space group; atomic number and letter per occupied Wyckoff position; number of atoms in a conventional cell."""

    group: int
    numbers: tuple[int, ...]
    letters: tuple[str, ...]
    conventional: int


def wyckoff_sites(structure: Any) -> Sites:
    """The occupied positions, sorted by element symbol and letter."""
    crystal = as_crystal(structure)
    refuse_overlap(crystal)
    symmetry = _dataset(crystal, TOLERANCE, ANGLE)
    sites = _sites(symmetry, crystal.numbers)
    if sites is None:
        refined = Crystal(np.asarray(symmetry.std_types, dtype=np.int64), symmetry.std_lattice, symmetry.std_positions)
        sites = _sites(_dataset(refined, STRICT, -1.0), refined.numbers)
    if sites is None:
        raise UserError("its Wyckoff positions do not match its formula; refine the symmetry of the structure")
    return sites


def _dataset(crystal: Crystal, tolerance: float, angle: float):
    os.environ.setdefault("SPGLIB_WARNING", "OFF")  # otherwise it reports intermediate attempts on the terminal
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about how later versions will report a failure
        try:
            cell = (crystal.lattice, crystal.frac, crystal.numbers)
            symmetry = spglib.get_symmetry_dataset(cell, symprec=tolerance, angle_tolerance=angle)
        except getattr(spglib, "SpglibError", ValueError):  # earlier versions return None
            symmetry = None
    if symmetry is None:
        raise UserError("spglib finds no space group; check for overlapping atoms")
    return symmetry


def _sites(symmetry, numbers: np.ndarray) -> Sites | None:
    """The occupied positions, or None if their multiplicities contradict the formula."""
    group = space_groups()[int(symmetry.number)]
    orbits = np.unique(symmetry.equivalent_atoms)
    pairs = sorted((SYMBOLS[numbers[k]], symmetry.wyckoffs[k], int(numbers[k])) for k in orbits)
    atoms: Counter = Counter()
    for _, letter, z in pairs:
        if letter not in group.positions:
            return None
        atoms[z] += group.multiplicity(letter)
    composition = Counter(numbers.tolist())
    if any(atoms[z] * len(numbers) != n * atoms.total() for z, n in composition.items()):
        return None
    zs, letters = tuple(p[2] for p in pairs), tuple(p[1] for p in pairs)
    return Sites(int(symmetry.number), zs, letters, len(symmetry.std_types))


def equivalent(sites: Sites) -> list[tuple[str, ...]]:
    """The distinct letters under all equivalent choices of origin and axes."""
    tables = (str.maketrans(LETTERS[: len(to)], to) for to in space_groups()[sites.group].relabellings)
    return sorted({tuple("".join(sites.letters).translate(table)) for table in tables})


def protostructure_label(structure: Any) -> str:
    """The label of a structure; Wren cannot distinguish crystals with the same label.

    >>> protostructure_label(([11, 17], 4.0 * (np.ones((3, 3)) - np.eye(3)) / 2**0.5, [[0, 0, 0], [0.5] * 3]))
    'AB_cF8_225_a_b:Cl-Na'
    """
    sites = wyckoff_sites(structure)
    group = space_groups()[sites.group]
    elements = sorted(set(sites.numbers), key=SYMBOLS.__getitem__)
    atoms = [
        sum(group.multiplicity(letter) for z, letter in zip(sites.numbers, sites.letters, strict=True) if z == element)
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
    """The positions of every element, for the equivalent choice whose letters come first in the alphabet."""
    candidates = []
    for letters in equivalent(sites):
        texts, score = [], 0
        for element in elements:
            counts = Counter(letter for z, letter in zip(sites.numbers, letters, strict=True) if z == element)
            texts.append("".join((str(n) if n > 1 else "") + letter for letter, n in sorted(counts.items())))
            score += sum(0 if letter == "A" else ord(letter) - ord("a") + 1 for letter in counts)
        candidates.append((score, "_".join(texts)))
    return min(candidates)[1]
