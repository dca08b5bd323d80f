"""Moments of densities of states: filling, centre, width, skewness, kurtosis.

Quadrature: the trapezoidal rule is exact to rounding for a density that vanishes smoothly, such as a Gaussian, but is
off by half a step at a jump. Each interval of non-zero points therefore has the Euler-Maclaurin end weights 3/8, 7/6,
23/24, 1, 1, ... at both ends, which makes a box exact as well. Intervals of fewer than six points are treated as
discrete levels with weight 1, so that a single point has no width.
"""

from __future__ import annotations

import numpy as np

NAMES = ("filling", "centre", "width", "skewness", "kurtosis")
#: Corrections to the weight 1 of the points next to an end of an interval.
ENDS = (-5 / 8, 1 / 6, -1 / 24)
#: Shortest interval with corrections at both ends.
SHORTEST = 2 * len(ENDS)


def moments(energies: np.ndarray, densities: np.ndarray, fermi: float) -> np.ndarray:
    """(..., 5) for densities (..., n) at rising energies (n,) in eV, in the order of `NAMES`.

    filling: fraction of the states up to `fermi`; centre (eV), on the axis of `energies`; width: standard deviation
    (eV); skewness, kurtosis: standardized third and fourth central moments (0 and 3 for a Gaussian), 0 for zero width.
    A channel without states has five zeros. The result does not depend on the sign of the densities.
    """
    energies = np.asarray(energies, dtype=np.float64)
    densities = np.asarray(densities, dtype=np.float64)
    runs = _runs(densities)
    states = densities * _factors(*runs) * np.gradient(energies)
    total = states.sum(axis=-1)
    empty = total == 0
    total = np.where(empty, 1.0, total)
    share = states / total[..., None]
    centre = share @ energies
    apart = energies - centre[..., None]
    powers = apart * apart * share
    second = powers.sum(axis=-1)
    powers *= apart
    third = powers.sum(axis=-1)
    fourth = (powers * apart).sum(axis=-1)
    width = np.sqrt(np.maximum(second, 0.0))
    # Smaller values are rounding errors of a single point.
    width = np.where(width < 1e-6 * np.diff(energies).min(), 0.0, width)
    scale = np.where(width == 0, np.inf, width)
    filling = _up_to(fermi, energies, densities, runs) / total
    found = np.stack([filling, centre, width, third / scale**3, fourth / scale**4], axis=-1)
    return np.where(empty[..., None], 0.0, found)


def weights(energies: np.ndarray, densities: np.ndarray) -> np.ndarray:
    """Quadrature weights (..., n); zero where there are no states."""
    return _factors(*_runs(np.asarray(densities))) * np.gradient(energies)


def _up_to(fermi: float, energies: np.ndarray, densities: np.ndarray, runs) -> np.ndarray:
    """The integral (...) of densities (..., n) up to `fermi`."""
    steps = np.gradient(energies)
    last = int(np.searchsorted(energies, fermi + 1e-9 * steps.min(), side="right")) - 1
    if last < 0:
        return np.zeros(densities.shape[:-1])
    before, after, level = (values[..., : last + 1] for values in runs)
    # An interval across the Fermi level ends at the last point below it; discrete levels are not divided.
    cut = np.where(level, after, np.minimum(after, last - np.arange(last + 1)))
    found = (densities[..., : last + 1] * _factors(before, cut, level) * steps[: last + 1]).sum(axis=-1)
    if last + 1 == len(energies):
        return found
    # From that point to the Fermi level: linear interpolation.
    beyond = (fermi - energies[last]) / (energies[last + 1] - energies[last])
    one, other = densities[..., last], densities[..., last + 1]
    partial = (fermi - energies[last]) * (one + beyond * (other - one) / 2)
    return found + np.where((after[..., last] > 0) & ~level[..., last], partial, 0.0)


def _runs(densities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many points of the same run stand before and after each point, -1 where there are no states, and whether the
    run is a level."""
    there, n = densities != 0, densities.shape[-1]
    point = np.arange(n)
    before = point - np.maximum.accumulate(np.where(there, -1, point), axis=-1) - 1
    after = np.minimum.accumulate(np.where(there, n, point)[..., ::-1], axis=-1)[..., ::-1] - point - 1
    return before, after, before + after + 1 < SHORTEST


def _factors(before: np.ndarray, after: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Weights in steps of energy."""
    factors = np.where(before < 0, 0.0, 1.0)
    # What the Fermi level leaves of a run may be too short for the end terms: trapezoids.
    short = before + after + 1 < SHORTEST
    for place in (before, after):
        for distance, extra in enumerate(ENDS):
            factors[(place == distance) & ~short] += extra
        factors[(place == 0) & short & ~level] -= 0.5
    return factors
