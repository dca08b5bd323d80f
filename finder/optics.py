"""Epsilon-near-zero materials from dielectric functions: crossovers, the rule of the article, pairs of elements.

The rule: around an energy where the real part crosses zero, |eps_re| < 1 and eps_im < 2, between 0.5 and 12.4 eV (2.5
micrometre to 100 nanometre), in a material at most 25 meV/atom above the hull.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
    """Energies in eV between which a material is epsilon-near-zero, and where its real part crosses zero there."""

    low: float
    high: float
    crossover: float
    loss: float  # eps_im at the crossover


def crossovers(energy: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Energies at which the real part changes its sign, by linear interpolation."""
    energy, real = _checked(energy, real)
    at = np.flatnonzero((real[:-1] < 0) != (real[1:] < 0))
    share = real[at] / (real[at] - real[at + 1])
    return energy[at] + share * (energy[at + 1] - energy[at])


def enz_windows(energy: np.ndarray, real: np.ndarray, loss: np.ndarray) -> list[Window]:
    """The windows of one material by the rule of the article, in order of energy."""
    energy, real = _checked(energy, real)
    loss = np.asarray(loss, dtype=np.float64)
    found = []
    for crossover in crossovers(energy, real):
        loss_there = float(np.interp(crossover, energy, loss))
        if not (RANGE[0] <= crossover <= RANGE[1] and loss_there < LOSS_LIMIT):
            continue
        low, high = (_end(energy, real, loss, crossover, step) for step in (-1, 1))
        if not found or low > found[-1].high:
            found.append(Window(low, high, float(crossover), loss_there))
    return found


def _end(energy: np.ndarray, real: np.ndarray, loss: np.ndarray, crossover: float, step: int) -> float:
    """The last point of the grid, going from the crossover in one direction, at which the rule still holds."""
    index = np.searchsorted(energy, crossover) - (step < 0)
    end = crossover
    while 0 <= index < len(energy) and RANGE[0] <= energy[index] <= RANGE[1]:
        if abs(real[index]) >= REAL_LIMIT or loss[index] >= LOSS_LIMIT:
            break
        end = energy[index]
        index += step
    return float(end)


def enz_materials(energy, real, loss, ids, hull=None) -> dict[str, list[Window]]:
    """Id -> windows of the materials (n, m) that have any; `hull` are distances from it in eV/atom, where known."""
    hull = np.zeros(len(ids)) if hull is None else np.asarray(hull)
    found = {}
    for name, re, im, distance in zip(ids, real, loss, hull, strict=True):
        windows = enz_windows(energy, re, im) if distance < HULL_LIMIT else []
        if windows:
            found[str(name)] = windows
    return found


def element_pairs(formulas: Iterable[str]) -> Counter[tuple[str, str]]:
    """How often two elements stand together in these formulas: the edges of Figure 6d."""
    pairs: Counter[tuple[str, str]] = Counter()
    for formula in formulas:
        symbols = [SYMBOLS[z] for z in sorted(parse_formula(formula))]
        pairs.update(combinations(symbols, 2))
    return pairs


def _checked(energy, real) -> tuple[np.ndarray, np.ndarray]:
    energy, real = np.asarray(energy, dtype=np.float64), np.asarray(real, dtype=np.float64)
    if energy.shape != real.shape or energy.ndim != 1 or (np.diff(energy) <= 0).any():
        raise UserError("energies must rise and have one value of the dielectric function each")
    return energy, real
