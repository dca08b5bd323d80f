"""Tables of element vectors: the one that comes with the project (README.md of this package is its card), and learned
ones."""

from __future__ import annotations

import csv
import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np

from common.chem.elements import NUMBERS, SYMBOLS
from common.errors import UserError
from common.io.files import cache_root, refuse_special, write_text
from common.io.text import as_csv
from common.sources import load_source
from diffcomp.composition.embedding import ElementSpace, corpus, learn

PATH = Path(__file__).with_name("elements.csv")


@lru_cache(maxsize=16)
def element_space(path: Path = PATH, *, scaled: bool = True, over: tuple[int, ...] | None = None) -> ElementSpace:
    """Vectors from a table of symbol, v0, v1, ...: encoder's weights, scaled to 0 ... 1 over some or all elements."""
    try:
        numbers, weights = _read(path)
        order = np.argsort(numbers)
        if scaled:
            return ElementSpace.scaled(numbers[order], weights[order], over)
        return ElementSpace(numbers[order], weights[order])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no table of element vectors (symbol, v0, v1, ...): {error}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers (n,) and weights (n, length) of a table as it is."""
    refuse_special(path)
    with open(path, newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if not rows or len(header) < 2:
        raise UserError("holds no element vectors; its rows are symbol, v0, v1, ...")
    found: dict[int, list[float]] = {}
    for line, (symbol, *cells) in enumerate(filter(None, rows), 2):
        z = NUMBERS.get(symbol.strip())
        if z is None:
            raise UserError(f"line {line} begins with {symbol!r}, which is no element")
        if z in found:
            raise UserError(f"{symbol} stands in it twice, again in line {line}; delete one of them")
        try:
            found[z] = [float(cell) for cell in cells]
        except ValueError:
            found[z] = []
        if len(found[z]) != len(header) - 1 or not np.isfinite(found[z]).all():
            raise UserError(f"line {line}, {symbol}, does not have {len(header) - 1} numbers, one per column; fix it")
    return np.array(list(found)), np.array(list(found.values()))


@lru_cache(maxsize=8)
def learned_elements(source: str, length: int, epochs: int) -> Path:
    """A table of vectors of `length` numbers learned from the formulas of a source; computed once and cached."""
    formulas = load_source(source).formulas.tolist()
    digest = hashlib.sha256("\n".join(formulas).encode()).hexdigest()[:16]
    path = cache_root() / "element-vectors" / f"{source}-{digest}-{length}-{epochs}.csv"
    if not path.exists():
        learned = learn(corpus(formulas), length=length, epochs=epochs, scaled=False, folder=path.with_suffix(""))
        write_elements(path, learned.numbers, learned.vectors)
    return path


def write_elements(path: Path, numbers: np.ndarray, weights: np.ndarray) -> None:
    """Write such a table."""
    header = ["element", *(f"v{k}" for k in range(weights.shape[1]))]
    rows = [[SYMBOLS[z], *(f"{value:.7g}" for value in row)] for z, row in zip(numbers, weights, strict=True)]
    write_text(path, as_csv(header, rows))
