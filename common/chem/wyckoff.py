"""Wyckoff positions of the 230 space groups: coordinates, multiplicities and equivalences.

`wyckoff.json.gz` has the data of International Tables A in the standard setting (second origin, unique axis b,
hexagonal axes). Positions are equivalent if a change of origin or axes that preserves the space group maps one to the
other.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

LETTERS = "abcdefghijklmnopqrstuvwxyzA"
#: Lattice points per conventional cell.
CENTRINGS = {"P": 1, "A": 2, "C": 2, "I": 2, "F": 4, "R": 3}
#: Letter in Pearson symbols -> last space group of every crystal family.
FAMILIES = {"a": 2, "m": 15, "o": 74, "t": 142, "h": 194, "c": 230}


class SpaceGroup(NamedTuple):
    """centring: P, A, C, I, F or R. positions: letter -> coordinates, without those added by the centring.
    relabellings: images of the letters a, b, c, ... under each equivalent choice; the first is the identity.
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
    groups = json.loads(gzip.decompress(path.read_bytes()))
    return {
        int(number): SpaceGroup(
            group["centring"], dict(zip(LETTERS, group["positions"], strict=False)), group["relabellings"]
        )
        for number, group in groups.items()
    }


def family(number: int) -> str:
    """The crystal family of a space group as in Pearson symbols: a, m, o, t, h or c."""
    return next(letter for letter, last in FAMILIES.items() if number <= last)


def halves(coordinates: str) -> tuple[str, str]:
    """The part of a position that depends on x, y and z, and the constant offset.

    >>> halves("-x,y+1/2,0")
    ('-x,y,', '0,1/2,0')
    """
    axes = coordinates.split(",")
    free = [re.sub(r"\+?\b\d+(/\d+)?$", "", axis) if re.search("[xyz]", axis) else "" for axis in axes]
    offset = [axis[len(variable) :].lstrip("+") or "0" for axis, variable in zip(axes, free, strict=True)]
    return ",".join(free), ",".join(offset)
