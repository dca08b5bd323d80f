"""Generate candidates by substituting every pair of a list of elements into binary prototypes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

import numpy as np

from common.chem.crystal import Crystal
from common.chem.elements import NUMBERS, SYMBOLS
from common.errors import UserError
from esnet.dft.references import references

VOLUMES = ("as is", "vegard")
#: Molecules and noble gases, whose elemental volume does not predict their volume in a crystal.
NOT_SOLID = frozenset(NUMBERS[symbol] for symbol in "H He N O F Ne Cl Ar Br Kr I Xe Rn".split())
#: One cm3/mol in cubic angstrom per atom.
MOLAR = 1.66053907


def substitute(
    prototypes: Sequence[tuple[str, Crystal]], elements: Sequence[str], *, volume: str = "as is"
) -> Iterator[tuple[str, Crystal]]:
    """Yield `(id, crystal)` for every pair of elements in every prototype, in both orders if they are inequivalent.

    In an id such as `CuAu-B2` the first element occupies the sites of the prototype's first atom. volume: "as is" for
    the prototype's, or "vegard" for the sum of the atomic volumes (`atomic_volume`) at constant cell shape.

    >>> [name for name, _ in substitute([("B2", caesium_chloride)], ["Cu", "Au", "Pt"])]
    ['CuAu-B2', 'CuPt-B2', 'AuPt-B2']
    """
    if volume not in VOLUMES:
        raise UserError(f"volume {volume!r} is unknown; choose one of {', '.join(VOLUMES)}")
    numbers = _numbers_of(elements)
    if volume == "vegard":
        for z in numbers:
            atomic_volume(z)
    names = [name for name, _ in prototypes]
    if len(set(names)) < len(names):
        raise UserError(f"two prototypes have the name {max(names, key=names.count)}; rename one")
    checked = [(name, crystal, *_sites(name, crystal)) for name, crystal in prototypes]
    return _substituted(checked, numbers, volume)


def _substituted(
    checked: list[tuple[str, Crystal, np.ndarray, bool]], numbers: list[int], volume: str
) -> Iterator[tuple[str, Crystal]]:
    for name, crystal, is_first, equivalent in checked:
        for pair in (combinations if equivalent else permutations)(numbers, 2):
            made = crystal._replace(numbers=np.where(is_first, *pair))
            if volume == "vegard":
                wanted = sum(atomic_volume(z) for z in made.numbers.tolist())
                made = made._replace(lattice=made.lattice * (wanted / made.volume) ** (1 / 3))
            yield f"{SYMBOLS[pair[0]]}{SYMBOLS[pair[1]]}-{name}", made


def _numbers_of(elements: Sequence[str]) -> list[int]:
    unknown = [symbol for symbol in elements if symbol not in NUMBERS]
    if unknown:
        raise UserError(f"{unknown[0]} is not a chemical element; list symbols like Cu,Au,Pt")
    numbers = list(dict.fromkeys(NUMBERS[symbol] for symbol in elements))
    if len(numbers) < 2:
        raise UserError("at least two elements are needed; list them like Cu,Au,Pt")
    return numbers


def _sites(name: str, crystal: Crystal) -> tuple[np.ndarray, bool]:
    """Mask of the first element's sites, and whether both kinds of sites are equivalent."""
    kinds = list(dict.fromkeys(crystal.numbers.tolist()))
    if len(kinds) != 2:
        symbols = ", ".join(SYMBOLS[z] for z in kinds)
        raise UserError(f"prototype {name} has {len(kinds)} elements ({symbols}); give binary prototypes")
    is_first = crystal.numbers == kinds[0]
    return is_first, bool(2 * is_first.sum() == len(is_first) and _same_exchanged(crystal, kinds))


def _same_exchanged(crystal: Crystal, kinds: list[int]) -> bool:
    """Whether exchanging the two elements gives the same crystal, as in CsCl, rock salt or zincblende."""
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Structure

    one = Structure(crystal.lattice, crystal.numbers, crystal.frac)
    other = Structure(crystal.lattice, np.where(crystal.numbers == kinds[0], kinds[1], kinds[0]), crystal.frac)
    matcher = StructureMatcher(ltol=1e-3, stol=1e-3, angle_tol=0.01, scale=False)
    return bool(matcher.fit(one, other))


def atomic_volume(z: int) -> float:
    """Volume in cubic angstrom per atom: by GPAW for elements of the embedded dataset, else measured (pymatgen).

    Raises for molecules and noble gases, with which Vegard's rule overestimates oxides by a factor of three.
    """
    if z in NOT_SOLID:
        raise UserError(f"{SYMBOLS[z]} is not a solid element, so Vegard's rule does not apply; use --volume 'as is'")
    known = references().get(z)
    if known and known.volume:
        return known.volume
    from pymatgen.core import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measured = Element.from_Z(z).molar_volume
    if not measured:
        raise UserError(f"the atomic volume of {SYMBOLS[z]} is unknown; use --volume 'as is'")
    return float(measured) * MOLAR
