"""Which pairs of elements occur together in the materials of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from common.chem.formula import symbols_in

#: Symbol -> the elements after it in the alphabet with which it occurs.
Pairs = Mapping[str, frozenset[str]]


def element_pairs(formulas: Iterable[str]) -> Pairs:
    """All pairs of different elements that occur in one of these formulas.

    >>> element_pairs(["SrTiO3", "NaCl"])["O"]
    frozenset({'Sr', 'Ti'})
    """
    found: dict[str, set[str]] = {}
    for symbols in {tuple(symbols_in(text)) for text in set(formulas)}:
        for first, second in combinations(symbols, 2):
            found.setdefault(first, set()).add(second)
    return {symbol: frozenset(partners) for symbol, partners in found.items()}


def unseen_pairs(formula: str, known: Pairs) -> list[str]:
    """The pairs of elements of a formula that are not known, as in "O-Pu"."""
    pairs = combinations(symbols_in(formula), 2)
    return [f"{first}-{second}" for first, second in pairs if second not in known.get(first, ())]
