"""Inputs of the network: resampled densities of states, kept on disk, and the elements that are present.

A row is (2 spins, 9 orbitals, 1500) in half precision, 54 kB, so that rows are read batch by batch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from common.chem.elements import NUMBERS, SYMBOLS
from common.data.densities import Densities
from common.errors import UserError
from common.features.ragged import ShardedRagged
from esnet.dos.projected import ORBITALS, from_densities
from esnet.dos.resampling import AXIS, HIGH, LOW, POINTS, Form, covered, resampled

#: Raised whenever the features change, so that cached ones are made again.
VERSION = "esnet-1"
SHAPE = (2, len(ORBITALS), POINTS)
#: The largest number of half precision is 65504.
DENSEST = 6e4
#: Rows read at once where all of them are gone through.
BLOCK = 256


def cache_name(form: Form, *, any_zero: bool = False, version: str = VERSION) -> str:
    """The name of the feature cache of a form; `any_zero` matters for absolute energies alone."""
    reference = form.reference.replace(" ", "-")
    suffix = "-any-zero" if any_zero and form.reference == "absolute" else ""
    return f"{version}-{reference}-{form.outside}-{form.per}{form.down:+d}{suffix}"


def input_row(found: Densities, *, form: Form, any_zero: bool = False) -> dict[str, np.ndarray]:
    """The channels of a material on the axis, its elements, and what is to be known of its densities of states.

    facts: the part of the axis that the data reach, eV, and whether there were f orbitals.
    """
    dos = from_densities(found)
    low, high = covered(dos, form, any_zero=any_zero)
    values = resampled(dos, form, any_zero=any_zero)
    if np.abs(values).max() > DENSEST:
        raise UserError(f"a density of states above {DENSEST:g} states/eV; compute it with more smearing")
    return {
        "values": values.astype(np.float16).ravel(),
        "facts": np.array([low, high, dos.f_left_out], dtype=np.float32),
        "elements": np.array([NUMBERS[symbol] for symbol in dos.elements], dtype=np.uint8),
        "engine": np.frombuffer(dos.engine.encode(), dtype=np.uint8),
    }


def moment_row(found: Densities) -> dict[str, np.ndarray]:
    """The 90 moments of a material's channels, from the Fermi level and within the network's axis, and its elements."""
    from esnet.dos.moments import moments

    dos = from_densities(found)
    covered(dos)
    return {
        "moments": moments(AXIS, resampled(dos), 0.0).ravel(),
        "elements": np.array([NUMBERS[symbol] for symbol in dos.elements], dtype=np.uint8),
    }


def composition(numbers: np.ndarray, length: int) -> np.ndarray:
    """1 for every element present, whatever its amount; in the alphabetical order of the symbols, as in the release."""
    vector = np.zeros(length, dtype=np.float32)
    for z in numbers.tolist():
        if z > length:
            raise UserError(f"holds {SYMBOLS[z]}; the composition vector ends at {SYMBOLS[length]}")
        vector[_places(length)[z]] = 1
    return vector


def _places(length: int) -> dict[int, int]:
    symbols = SYMBOLS[1 : length + 1]
    return {NUMBERS[symbol]: place for place, symbol in enumerate(sorted(symbols))}


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of every channel, spin up and then down, and of the composition's channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    composition: tuple[float, float] = (0.0, 1.0)

    def plain(self) -> dict:
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_plain(cls, values: dict) -> Scaling:
        return cls(*(tuple(values[name]) for name in ("mean", "std", "composition")))


class Inputs:
    """Densities and compositions of many materials; the densities are read when a batch is asked for."""

    def __init__(self, rows: ShardedRagged, compositions: np.ndarray, scaling: Scaling | None = None):
        self.rows, self.compositions, self.scaling = rows, compositions, scaling

    def __len__(self) -> int:
        return len(self.rows)

    def densities(self, rows: np.ndarray) -> np.ndarray:
        """(n, 2, 9, 1500) as they are."""
        found = np.empty((len(rows), *SHAPE), dtype=np.float32)
        for place, row in enumerate(rows):
            found[place] = self.rows.row("values", row).reshape(SHAPE)
        return found

    def fit(self, rows: np.ndarray, *, scale_composition: bool) -> Scaling:
        """Mean and deviation of every channel over these rows and all energies."""
        total, squares = np.zeros(SHAPE[:2]), np.zeros(SHAPE[:2])
        for start in range(0, len(rows), BLOCK):
            block = self.densities(np.sort(rows[start : start + BLOCK]))
            total += block.sum(axis=(0, 3), dtype=np.float64)
            squares += np.einsum("nspe,nspe->sp", block, block, dtype=np.float64)
        mean = total / (len(rows) * POINTS)
        std = np.sqrt(np.maximum(squares / (len(rows) * POINTS) - mean**2, 0))
        std[std == 0] = 1
        scale = (0.0, 1.0)
        if scale_composition:
            # In the release it is a channel of 1500 numbers, zeros behind the elements.
            share = float(self.compositions[rows].sum()) / (len(rows) * POINTS)
            scale = (share, (share * (1 - share)) ** 0.5)
        self.scaling = Scaling(tuple(mean.ravel().tolist()), tuple(std.ravel().tolist()), scale)
        return self.scaling

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        found, scaling = self.densities(rows), self.scaling
        mean, std = (np.array(v, dtype=np.float32).reshape(*SHAPE[:2], 1) for v in (scaling.mean, scaling.std))
        found -= mean
        found /= std
        up, down = (np.ascontiguousarray(found[:, spin].transpose(0, 2, 1)) for spin in (0, 1))
        shift, factor = scaling.composition
        return {"up": up, "down": down, "composition": (self.compositions[rows] - shift) / np.float32(factor)}


def narrow(facts: np.ndarray) -> bool:
    """Whether the data end more than a step before the axis does."""
    return bool(facts[0] > LOW + 0.05 or facts[1] < HIGH - 0.05)
