"""Element vectors by name. The tables lie beside this file; README.md states their sources and licences.

matscholar  200  word embeddings of the materials literature; Finder, Roost and CrabNet ship them as "mat2vec"
mat2vec     200  word embeddings of another training of the same kind
megnet16     16  element embedding of a MEGNet model of formation energies
magpie       22  elemental properties, each scaled to mean 0 and standard deviation 1
onehot      112  one-hot vectors of H to Cn
cgcnn        92  one-hot group, period, block and binned properties of H to Fm
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from common.chem.elements import NUMBERS, SYMBOLS
from common.errors import UserError

NAMES = ("matscholar", "mat2vec", "megnet16", "magpie", "onehot", "cgcnn")
ONEHOT = 112


@dataclass(frozen=True)
class ElementVectors:
    """`table` (119, length) float32 by atomic number, and a mask (119,) of the elements that have a vector."""

    name: str
    table: np.ndarray
    available: np.ndarray

    def __len__(self) -> int:
        return self.table.shape[1]

    def check(self, numbers: np.ndarray) -> None:
        """Refuse elements without a vector."""
        if not self.available[numbers].all():
            symbols = ", ".join(SYMBOLS[z] for z in np.unique(numbers[~self.available[numbers]]))
            raise UserError(f"the element vectors {self.name!r} do not cover {symbols}; choose other vectors")


_registered: dict[str, ElementVectors] = {}


def register(vectors: ElementVectors) -> None:
    """Use these vectors, from a feature file, in place of the table of the same name."""
    _registered[vectors.name] = vectors
    element_vectors.cache_clear()


@lru_cache(maxsize=len(NAMES))
def element_vectors(name: str) -> ElementVectors:
    """The vectors called `name`.

    >>> len(element_vectors("matscholar"))
    200
    """
    if name in _registered:
        return _registered[name]
    if name not in NAMES:
        raise UserError(f"unknown element vectors {name!r}; choose one of {', '.join(NAMES)}")
    if name == "onehot":
        vectors = {z + 1: row for z, row in enumerate(np.eye(ONEHOT))}
    else:
        with open(Path(__file__).with_name(f"{name}.csv"), newline="") as file:
            vectors = {NUMBERS[symbol]: values for symbol, *values in csv.reader(file)}
    table = np.zeros((len(SYMBOLS), len(vectors[1])), dtype=np.float32)
    available = np.zeros(len(SYMBOLS), dtype=bool)
    for z, vector in vectors.items():
        table[z], available[z] = np.array(vector, dtype=np.float64), True
    return ElementVectors(name, table, available)
