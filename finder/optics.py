"""Epsilon-near-zero materials from dielectric functions: crossovers, the criterion of the article, pairs of elements.

The criterion: |eps_re| < 1 and eps_im < 2 around an energy at which the real part crosses zero, between 0.5 and 12.4 eV
(2.5 micrometre to 100 nanometre), in a material at most 25 meV/atom above the convex hull.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from common.chem.elements import SYMBOLS
from common.chem.formula import parse_formula
from common.errors import UserError

RANGE = (0.5, 12.4)  # eV
REAL_LIMIT, LOSS_LIMIT = 1.0, 2.0
HULL_LIMIT = 0.025  # eV/atom


@dataclass(frozen=True)
class Window:
    """Energy range (eV) in which a material is epsilon-near-zero, with the zero crossing of the real part."""

    low: float
    high: float
    crossover: float
    loss: float  # eps_im at the crossover


def crossovers(energy: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Energies at which the real part changes sign, linearly interpolated."""
    energy, real = _checked(energy, real)
    left = np.flatnonzero((real[:-1] < 0) != (real[1:] < 0))
    fraction = real[left] / (real[left] - real[left + 1])
    return energy[left] + fraction * (energy[left + 1] - energy[left])


def enz_windows(energy: np.ndarray, real: np.ndarray, loss: np.ndarray) -> list[Window]:
    """Windows of one material that meet the criterion, sorted by energy."""
    energy, real = _checked(energy, real)
    loss = np.asarray(loss, dtype=np.float64)
    windows: list[Window] = []
    for crossover in crossovers(energy, real):
        loss_at_crossover = float(np.interp(crossover, energy, loss))
        if not (RANGE[0] <= crossover <= RANGE[1] and loss_at_crossover < LOSS_LIMIT):
            continue
        low, high = (_end(energy, real, loss, crossover, step) for step in (-1, 1))
        if not windows or low > windows[-1].high:
            windows.append(Window(low, high, float(crossover), loss_at_crossover))
    return windows


def _end(energy: np.ndarray, real: np.ndarray, loss: np.ndarray, crossover: float, step: int) -> float:
    """Last grid point in one direction from the crossover at which the criterion holds."""
    index = np.searchsorted(energy, crossover) - (step < 0)
    end = crossover
    while 0 <= index < len(energy) and RANGE[0] <= energy[index] <= RANGE[1]:
        if abs(real[index]) >= REAL_LIMIT or loss[index] >= LOSS_LIMIT:
            break
        end = energy[index]
        index += step
    return float(end)


def enz_materials(
    energy: np.ndarray, real: np.ndarray, loss: np.ndarray, ids: Sequence[str], hull: np.ndarray | None = None
) -> dict[str, list[Window]]:
    """Id -> windows of the epsilon-near-zero materials among n; real, loss (n, m); hull: energies above it, eV/atom."""
    hull = np.zeros(len(ids)) if hull is None else np.asarray(hull)
    materials = {}
    for name, re, im, distance in zip(ids, real, loss, hull, strict=True):
        windows = enz_windows(energy, re, im) if distance < HULL_LIMIT else []
        if windows:
            materials[str(name)] = windows
    return materials


def element_pairs(formulas: Iterable[str]) -> Counter[tuple[str, str]]:
    """Number of formulas that contain each pair of elements: the edges of Figure 6d."""
    pairs: Counter[tuple[str, str]] = Counter()
    for formula in formulas:
        symbols = [SYMBOLS[z] for z in sorted(parse_formula(formula))]
        pairs.update(combinations(symbols, 2))
    return pairs


def _checked(energy, real) -> tuple[np.ndarray, np.ndarray]:
    energy, real = np.asarray(energy, dtype=np.float64), np.asarray(real, dtype=np.float64)
    if energy.shape != real.shape or energy.ndim != 1 or (np.diff(energy) <= 0).any():
        raise UserError("energies must increase and have one value of the dielectric function each")
    return energy, real
