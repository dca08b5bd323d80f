"""Ground-state electron configurations, and the 32 valence orbital bins of the orbital field matrix.

`elements.csv` has one row per element, hydrogen to fermium: configuration, group, period, ...
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from pathlib import Path

import numpy as np

VALENCE = 32
NOBLE_CORES = {
    "He": "1s2",
    "Ne": "[He] 2s2 2p6",
    "Ar": "[Ne] 3s2 3p6",
    "Kr": "[Ar] 3d10 4s2 4p6",
    "Xe": "[Kr] 4d10 5s2 5p6",
    "Rn": "[Xe] 4f14 5d10 6s2 6p6",
}


@lru_cache(maxsize=1)
def element_facts() -> dict[int, dict[str, str]]:
    """Atomic number -> row of `elements.csv`; a missing value is an empty string."""
    with open(Path(__file__).with_name("elements.csv"), newline="") as file:
        return {int(row["z"]): row for row in csv.DictReader(file)}


def subshells(configuration: str) -> dict[tuple[int, str], int]:
    """'[Ar] 3d6 4s2' -> {(1, 's'): 2, ..., (3, 'd'): 6, (4, 's'): 2}."""
    core = re.match(r"\[(\w+)\]", configuration)
    shells = subshells(NOBLE_CORES[core.group(1)]) if core else {}
    for n, kind, electrons in re.findall(r"(\d)([spdf])(\d*)", re.sub(r"\[\w+\]", "", configuration)):
        shells[int(n), kind] = int(electrons or 1)
    return shells


def valence_vector(configuration: str) -> np.ndarray:
    """The 32 orbital bins: entry (l, k) is set if a valence subshell of type l has k electrons.

    Valence subshells: s and p of the highest principal quantum number, d of it and the one below, f of it and the two
    below. The highest number is computed, not taken from the order in which subshells are listed.
    """
    shells = subshells(configuration)
    top = max(n for n, _ in shells)
    depth = {"s": 0, "p": 0, "d": 1, "f": 2}
    start = {"s": 0, "p": 2, "d": 8, "f": 18}
    vector = np.zeros(VALENCE, dtype=np.uint8)
    for (n, kind), electrons in shells.items():
        if top - n <= depth[kind]:
            vector[start[kind] + electrons - 1] = 1
    return vector


@lru_cache(maxsize=1)
def valence_vectors() -> np.ndarray:
    """Binary valence vectors of all elements with a configuration (101, 32), row = atomic number; row 0 is empty."""
    table = np.zeros((max(element_facts()) + 1, VALENCE), dtype=np.uint8)
    for z, facts in element_facts().items():
        table[z] = valence_vector(facts["configuration"])
    table.setflags(write=False)
    return table
