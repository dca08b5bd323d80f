"""Wyckoff positions of the 230 space groups: their coordinates, their multiplicities, and which are equivalent.

The table, `data/wyckoff.json.gz`, holds facts of International Tables A in the standard setting (second origin,
unique axis b, hexagonal axes). Positions are equivalent where another choice of the origin or of the axes, which leaves
the space group as it is, turns one into the other.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

LETTERS = "abcdefghijklmnopqrstuvwxyzA"
#: Points of the lattice in a conventional cell.
CENTRINGS = {"P": 1, "A": 2, "C": 2, "I": 2, "F": 4, "R": 3}
#: Last space group of every crystal family, with its letter in Pearson symbols.
FAMILIES = {"a": 2, "m": 15, "o": 74, "t": 142, "h": 194, "c": 230}


class SpaceGroup(NamedTuple):
    """centring: P, A, C, I, F or R. positions: letter -> coordinates, less those that the centring adds.
    relabellings: what becomes of the letters a, b, c, ... under each equivalent choice, the first of them unchanged.
    """

    centring: str
    positions: dict[str, list[str]]
    relabellings: list[str]

    def multiplicity(self, letter: str) -> int:
        return CENTRINGS[self.centring] * len(self.positions[letter])


@lru_cache(maxsize=1)
def space_groups() -> dict[int, SpaceGroup]:
    """Number -> space group.

    >>> space_groups()[225].multiplicity("a")
    4
    """
    path = Path(__file__).with_name("wyckoff.json.gz")
    found = json.loads(gzip.decompress(path.read_bytes()))
    return {
        int(number): SpaceGroup(
            group["centring"], dict(zip(LETTERS, group["positions"], strict=False)), group["relabellings"]
        )
        for number, group in found.items()
    }


def family(number: int) -> str:
    """The crystal family of a space group as a Pearson symbol has it: a, m, o, t, h or c."""
    return next(letter for letter, last in FAMILIES.items() if number <= last)


def halves(coordinates: str) -> tuple[str, str]:
    """What of a position depends on x, y and z, and the rest.

    >>> halves("-x,y+1/2,0")
    ('-x,y,', '0,1/2,0')
    """
    parts = coordinates.split(",")
    free = [re.sub(r"\+?\b\d+(/\d+)?$", "", part) if re.search("[xyz]", part) else "" for part in parts]
    rest = [part[len(one) :].lstrip("+") or "0" for part, one in zip(parts, free, strict=True)]
    return ",".join(free), ",".join(rest)
