"""New materials by substitution: every pair of a list of elements in the places of binary prototypes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

import numpy as np

from common.chem.crystal import Crystal
from common.chem.elements import NUMBERS, SYMBOLS
from common.errors import UserError
from esnet.dft.references import references

VOLUMES = ("as is", "vegard")
#: Molecules and noble gases: their volume as elements says nothing of the space that they take in a crystal.
NOT_SOLID = frozenset(NUMBERS[symbol] for symbol in "H He N O F Ne Cl Ar Br Kr I Xe Rn".split())
#: One cubic centimetre a mole in cubic angstrom an atom.
MOLAR = 1.66053907


def substitute(
    prototypes: Sequence[tuple[str, Crystal]], elements: Sequence[str], *, volume: str = "as is"
) -> Iterator[tuple[str, Crystal]]:
    """`(id, crystal)` for every pair of elements in every prototype, in both orders where these differ.

    Ids read `CuAu-B2`: the first element has the places of the prototype's first atom. `volume`: the prototype's "as
    is", or "vegard", the sum of the elements' atomic volumes (`atomic_volume`); the shape of the cell stays.

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
        raise UserError(f"two prototypes are called {max(names, key=names.count)}; rename one")
    checked = [(name, crystal, *_places(name, crystal)) for name, crystal in prototypes]
    return _substituted(checked, numbers, volume)


def _substituted(checked, numbers: list[int], volume: str) -> Iterator[tuple[str, Crystal]]:
    for name, crystal, is_first, are_alike in checked:
        for pair in (combinations if are_alike else permutations)(numbers, 2):
            made = crystal._replace(numbers=np.where(is_first, *pair))
            if volume == "vegard":
                wanted = sum(atomic_volume(z) for z in made.numbers.tolist())
                made = made._replace(lattice=made.lattice * (wanted / made.volume) ** (1 / 3))
            yield f"{SYMBOLS[pair[0]]}{SYMBOLS[pair[1]]}-{name}", made


def _numbers_of(elements: Sequence[str]) -> list[int]:
    unknown = [symbol for symbol in elements if symbol not in NUMBERS]
    if unknown:
        raise UserError(f"{unknown[0]} is not a chemical element; write symbols like Cu,Au,Pt")
    numbers = list(dict.fromkeys(NUMBERS[symbol] for symbol in elements))
    if len(numbers) < 2:
        raise UserError("a pair needs two elements or more; name them like Cu,Au,Pt")
    return numbers


def _places(name: str, crystal: Crystal) -> tuple[np.ndarray, bool]:
    """Which atoms the first element takes, and whether the two kinds of places are alike."""
    kinds = list(dict.fromkeys(crystal.numbers.tolist()))
    if len(kinds) != 2:
        symbols = ", ".join(SYMBOLS[z] for z in kinds)
        raise UserError(f"prototype {name} holds {len(kinds)} elements ({symbols}); give binary ones")
    is_first = crystal.numbers == kinds[0]
    return is_first, bool(2 * is_first.sum() == len(is_first) and _same_exchanged(crystal, kinds))


def _same_exchanged(crystal: Crystal, kinds: list[int]) -> bool:
    """Whether the crystal with its two elements exchanged is the same crystal, as in CsCl, rock salt or zincblende."""
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Structure

    one = Structure(crystal.lattice, crystal.numbers, crystal.frac)
    other = Structure(crystal.lattice, np.where(crystal.numbers == kinds[0], kinds[1], kinds[0]), crystal.frac)
    matcher = StructureMatcher(ltol=1e-3, stol=1e-3, angle_tol=0.01, scale=False)
    return bool(matcher.fit(one, other))


def atomic_volume(z: int) -> float:
    """Cubic angstrom an atom: by GPAW for the elements of the embedded set, measured (pymatgen's data) for others.

    Molecules and noble gases have none: with Vegard's rule they would give oxides three times too large.
    """
    if z in NOT_SOLID:
        raise UserError(
            f"{SYMBOLS[z]} is no solid element, and has no volume for Vegard's rule; leave volumes as they are"
        )
    known = references().get(z)
    if known and known.volume:
        return known.volume
    import warnings

    from pymatgen.core import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measured = Element.from_Z(z).molar_volume
    if not measured:
        raise UserError(f"the atomic volume of {SYMBOLS[z]} is not known; leave volumes as they are")
    return float(measured) * MOLAR
