"""Vectors that stand for elements, by name. The tables come with the packages ElementEmbeddings and matminer.

matscholar  200  words of the materials literature; what Finder, Roost and CrabNet ship under the name "mat2vec"
mat2vec     200  another training of the same kind
megnet16     16  from a MEGNet model of formation energies
magpie       22  elemental properties, each scaled to mean 0 and deviation 1
onehot      112  H to Cn, nothing but the identity
cgcnn        92  group, period, block and binned properties of H to Fm as ones and zeros; comes with matminer
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from common.chem.elements import NUMBERS, SYMBOLS
from common.errors import UserError

FILES = {
    "matscholar": "matscholar-embedding.json",
    "mat2vec": "mat2vec.csv",
    "megnet16": "megnet16.json",
    "magpie": "magpie_sc.json",
}
NAMES = (*FILES, "onehot", "cgcnn")
ONEHOT = 112


@dataclass(frozen=True)
class ElementVectors:
    """`table` (119, length) float32 by atomic number, and which of them are there."""

    name: str
    table: np.ndarray
    there: np.ndarray

    def __len__(self) -> int:
        return self.table.shape[1]

    def check(self, numbers: np.ndarray) -> None:
        """Refuse elements without a vector."""
        if not self.there[numbers].all():
            symbols = ", ".join(SYMBOLS[z] for z in np.unique(numbers[~self.there[numbers]]))
            raise UserError(f"the element vectors {self.name!r} have none for {symbols}; choose other vectors")


#: Vectors that came with a file of features.
_given: dict[str, ElementVectors] = {}


def give(vectors: ElementVectors) -> None:
    """Take these from now on, without looking for the package that they come with."""
    _given[vectors.name] = vectors
    element_vectors.cache_clear()


@lru_cache(maxsize=len(NAMES))
def element_vectors(name: str) -> ElementVectors:
    """The vectors called `name`."""
    if name in _given:
        return _given[name]
    if name not in NAMES:
        raise UserError(f"no element vectors are called {name!r}; there are: {', '.join(NAMES)}")
    if name == "onehot":
        vectors = {SYMBOLS[z + 1]: row for z, row in enumerate(np.eye(ONEHOT))}
    elif name == "cgcnn":
        path = _folder("matminer") / "utils" / "data_files" / "cgcnn_atom_feature.json"
        vectors = {SYMBOLS[int(z)]: row for z, row in json.loads(path.read_text()).items()}
    else:
        path = _folder("ElementEmbeddings") / "data" / "element_representations" / FILES[name]
        vectors = json.loads(path.read_text()) if path.suffix == ".json" else _read_csv(path)
    vectors = {NUMBERS[s]: np.asarray(v, dtype=np.float32) for s, v in vectors.items() if s in NUMBERS}
    table = np.zeros((len(SYMBOLS), len(next(iter(vectors.values())))), dtype=np.float32)
    there = np.zeros(len(SYMBOLS), dtype=bool)
    for z, vector in vectors.items():
        table[z], there[z] = vector, np.isfinite(vector).all()
    return ElementVectors(name, table, there)


def _folder(package: str) -> Path:
    """Where a package lies. Importing it would load plotting and clustering libraries for seconds."""
    from importlib.util import find_spec

    found = find_spec(package.lower())
    if found is None or not found.submodule_search_locations:
        raise UserError(f"the package {package} is not installed; run make setup")
    return Path(found.submodule_search_locations[0])


def _read_csv(path: Path) -> dict[str, list[float]]:
    with open(path, newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return {symbol: [float(value) for value in values] for symbol, *values in rows}
