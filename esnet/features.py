"""Inputs of the network: resampled densities of states, cached on disk, and the elements present.

A row is (2 spins, 9 orbitals, 1500) in half precision, 54 kB; rows are read batch by batch.
"""

from __future__ import annotations

import numpy as np

from common.chem.elements import NUMBERS, SYMBOLS
from common.data.densities import Densities
from common.errors import UserError
from common.features.ragged import ShardedRagged
from esnet.dos.moments import moments
from esnet.dos.projected import ORBITALS, from_densities
from esnet.dos.resampling import AXIS, HIGH, LOW, POINTS, Form, covered, resampled
from esnet.scaling import Scaling

#: Increased whenever the features change, to invalidate the cache.
VERSION = "esnet-1"
SHAPE = (2, len(ORBITALS), POINTS)
#: Largest density of a row; half precision ends at 65504.
MAX_DENSITY = 6e4
#: Rows read at once when all of them are needed.
BLOCK = 256


def cache_name(form: Form, *, any_zero: bool = False, version: str = VERSION) -> str:
    """The name of the feature cache of a form; `any_zero` matters only for absolute energies."""
    reference = form.reference.replace(" ", "-")
    suffix = "-any-zero" if any_zero and form.reference == "absolute" else ""
    return f"{version}-{reference}-{form.outside}-{form.per}{form.down:+d}{suffix}"


def input_row(found: Densities, *, form: Form, any_zero: bool = False) -> dict[str, np.ndarray]:
    """The channels of a material on the axis, its elements, the program, and facts about the data.

    facts: the covered range of the axis (eV, from and to) and whether there were f orbitals.
    """
    dos = from_densities(found)
    low, high = covered(dos, form, any_zero=any_zero)
    values = resampled(dos, form, any_zero=any_zero)
    if np.abs(values).max() > MAX_DENSITY:
        raise UserError(f"has a density of states above {MAX_DENSITY:g} states/eV; compute it with more smearing")
    return {
        "values": values.astype(np.float16).ravel(),
        "facts": np.array([low, high, dos.f_left_out], dtype=np.float32),
        "elements": _atomic_numbers(dos.elements),
        "engine": np.frombuffer(dos.program.encode(), dtype=np.uint8),  # the name of the field in existing caches
    }


def moment_row(found: Densities) -> dict[str, np.ndarray]:
    """The 90 moments of a material's channels, relative to the Fermi level and within the axis, and its elements."""
    dos = from_densities(found)
    covered(dos)
    return {"moments": moments(AXIS, resampled(dos), 0.0).ravel(), "elements": _atomic_numbers(dos.elements)}


def _atomic_numbers(symbols: tuple[str, ...]) -> np.ndarray:
    return np.array([NUMBERS[symbol] for symbol in symbols], dtype=np.uint8)


def composition(numbers: np.ndarray, length: int) -> np.ndarray:
    """1 for every element present, whatever its amount; alphabetical order of the symbols, as in the release."""
    vector = np.zeros(length, dtype=np.float32)
    for z in numbers.tolist():
        if z > length:
            raise UserError(f"contains {SYMBOLS[z]}; the composition vector ends at {SYMBOLS[length]}")
        vector[_positions(length)[z]] = 1
    return vector


def _positions(length: int) -> dict[int, int]:
    symbols = SYMBOLS[1 : length + 1]
    return {NUMBERS[symbol]: position for position, symbol in enumerate(sorted(symbols))}


class Inputs:
    """Densities, compositions and, where a model uses them, unrelaxed energies (n,) of many materials.

    Densities are read from disk when a batch is requested. energy_as_input: whether batches contain the energies.
    """

    def __init__(
        self,
        rows: ShardedRagged,
        compositions: np.ndarray,
        scaling: Scaling | None = None,
        energies: np.ndarray | None = None,
        *,
        energy_as_input: bool = False,
    ):
        self.rows, self.compositions, self.scaling, self.energies = rows, compositions, scaling, energies
        self.energy_as_input = energy_as_input

    def __len__(self) -> int:
        return len(self.rows)

    def densities(self, rows: np.ndarray) -> np.ndarray:
        """Unscaled densities (n, 2, 9, 1500)."""
        values = np.empty((len(rows), *SHAPE), dtype=np.float32)
        for place, row in enumerate(rows):
            values[place] = self.rows.row("values", row).reshape(SHAPE)
        return values

    def fit(self, rows: np.ndarray, *, scale_composition: bool) -> Scaling:
        """Fit the scaling to these rows: mean and standard deviation of every channel over all energies."""
        total, squares = np.zeros(SHAPE[:2]), np.zeros(SHAPE[:2])
        for start in range(0, len(rows), BLOCK):
            block = self.densities(np.sort(rows[start : start + BLOCK]))
            total += block.sum(axis=(0, 3), dtype=np.float64)
            squares += np.einsum("nspe,nspe->sp", block, block, dtype=np.float64)
        mean = total / (len(rows) * POINTS)
        std = np.sqrt(np.maximum(squares / (len(rows) * POINTS) - mean**2, 0))
        std[std == 0] = 1
        scale, energy = (0.0, 1.0), (0.0, 1.0)
        if scale_composition:
            # The release treats it as a channel of 1500 numbers, padded with zeros.
            share = float(self.compositions[rows].sum()) / (len(rows) * POINTS)
            scale = (share, (share * (1 - share)) ** 0.5)
        if self.energy_as_input:
            energy = (float(self.energies[rows].mean()), float(self.energies[rows].std()) or 1.0)
        self.scaling = Scaling(tuple(mean.ravel().tolist()), tuple(std.ravel().tolist()), scale, energy)
        return self.scaling

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The scaled inputs of the network for these rows."""
        values, scaling = self.densities(rows), self.scaling
        mean, std = (np.array(v, dtype=np.float32).reshape(*SHAPE[:2], 1) for v in (scaling.mean, scaling.std))
        values -= mean
        values /= std
        up, down = (np.ascontiguousarray(values[:, spin].transpose(0, 2, 1)) for spin in (0, 1))
        shift, factor = scaling.composition
        inputs = {"up": up, "down": down, "composition": (self.compositions[rows] - shift) / np.float32(factor)}
        if self.energy_as_input:
            shift, factor = scaling.energy
            inputs["energy"] = ((self.energies[rows, None] - shift) / factor).astype(np.float32)
        return inputs


def covers_axis(facts: np.ndarray) -> bool:
    """Whether the data cover the axis, up to one step at each end."""
    return bool(facts[0] <= LOW + 0.05 and facts[1] >= HIGH - 0.05)
