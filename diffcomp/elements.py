"""Tables of element vectors: the one that comes with the project (README.md of this package is its card), and learned
ones."""

from __future__ import annotations

import csv
import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np

from common.elements import NUMBERS
from common.errors import UserError
from diffcomp.embedding import ElementSpace

PATH = Path(__file__).with_name("elements.csv")


@lru_cache(maxsize=4)
def element_space(path: Path = PATH, *, scaled: bool = True) -> ElementSpace:
    """Vectors from a table of symbol, v0, v1, ...: the encoder's weights, scaled to 0 ... 1 over the elements."""
    try:
        with open(path, newline="") as file:
            rows = list(csv.reader(file))[1:]
        numbers = np.array([NUMBERS[row[0]] for row in rows])
        weights = np.array([[float(value) for value in row[1:]] for row in rows])
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise UserError(f"{path} is no table of element vectors (symbol, v0, v1, ...): {error}") from None
    order = np.argsort(numbers)
    if scaled:
        return ElementSpace.scaled(numbers[order], weights[order])
    return ElementSpace(numbers[order], weights[order])


@lru_cache(maxsize=8)
def learned_elements(source: str, length: int, epochs: int) -> Path:
    """A table of vectors of `length` numbers learned from the formulas of a source; made once and kept in the cache."""
    from common.cache import cache_root
    from common.sources import load_source
    from diffcomp.embedding import corpus, learn

    formulas = load_source(source).formulas.tolist()
    digest = hashlib.sha256("\n".join(formulas).encode()).hexdigest()[:16]
    path = cache_root() / "element-vectors" / f"{source}-{digest}-{length}-{epochs}.csv"
    if not path.exists():
        learned = learn(corpus(formulas), length=length, epochs=epochs, scaled=False, folder=path.with_suffix(""))
        write_elements(path, learned.numbers, learned.vectors)
    return path


def write_elements(path: Path, numbers: np.ndarray, weights: np.ndarray) -> None:
    """Write such a table."""
    from common.elements import SYMBOLS
    from common.hdf5 import write_text
    from common.printing import as_csv

    header = ["element", *(f"v{k}" for k in range(weights.shape[1]))]
    rows = [[SYMBOLS[z], *(f"{value:.7g}" for value in row)] for z, row in zip(numbers, weights, strict=True)]
    write_text(path, as_csv(header, rows))
