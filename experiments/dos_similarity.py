"""Figure 1b of ESNet: are densities of states before and after a change of the cell more alike than any two?

The article compares initial with relaxed structures. Densities of states of relaxed structures are in no source; what
is at hand are compounds of the embedded set with copies of 6 % less and 6 % more volume, compared in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from common.sources import load_source
from esnet.dos import from_densities
from esnet.resampling import AXIS, resampled
from esnet.screening import figures
from esnet.similarity import DESCRIPTORS, descriptors, similarity
from experiments.derived import Column, Part

STRAINED = ("-v94", "-v106")


def strained() -> dict:
    """The report that is stored: compounds of the embedded set against their strained copies."""
    mini = load_source("mini")
    pairs = [(name.rsplit("-v", 1)[0], name) for name in mini.ids.tolist() if name.endswith(STRAINED)]
    pairs = [pair for pair in pairs if pair[0] in mini]

    def described(names: Sequence[str]) -> np.ndarray:
        """Descriptors (m, channels, 6) of materials."""
        found = [descriptors(AXIS, resampled(from_densities(mini.dos(row)))) for row in mini.rows_of(names)]
        return np.array(found).reshape(len(names), -1, len(DESCRIPTORS))

    one, other = (described(names) for names in zip(*pairs, strict=True))
    return {"pairs": len(pairs), "similarity": similarity(one, other)}


def table(columns: Sequence[Column], printed: dict, declared: dict) -> list[Part]:
    """Mean absolute difference of every descriptor over pairs, and over random pairs."""
    found = declared.get("stored")
    if not found:
        return [Part("initial against relaxed structures", [], [], [declared.get("without_it", "Open, not run yet.")])]
    rows = [
        [name, f"{one['pairs']:.4g}", f"{one['random']:.4g}", f"{one['ratio']:.3f}"]
        for name, one in found["similarity"].items()
    ]
    head = ["descriptor", "MAE of pairs", "MAE of random pairs", "ratio"]
    return [Part("compounds and their strained copies", head, rows, [f"{found['pairs']} pairs."])]


def draw(columns: Sequence[Column], folder: Path, declared: dict) -> Iterator[Path]:
    if declared.get("stored"):
        path = folder / "similarity.png"
        figures.similarity(path, declared["stored"]["similarity"])
        yield path
