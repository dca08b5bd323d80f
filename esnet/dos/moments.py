"""Moments of densities of states: filling, centre, width, skewness, kurtosis.

The quadrature. A density is taken as a function known at its points. Plain sums (trapezoids) are exact to rounding for
one that vanishes smoothly, such as a Gaussian, but miss half a step wherever it starts or ends with a jump. So each run
of points with states gets the weights 3/8, 7/6, 23/24, 1, 1, ... at both of its ends, which are the end terms of Euler
and Maclaurin: a box from its first to its last point is then exact too. Runs of fewer than six points are levels, which
count as they stand: a delta of one point has no width.
"""

from __future__ import annotations

import numpy as np

NAMES = ("filling", "centre", "width", "skewness", "kurtosis")
#: What the points next to an end of a run have beyond the weight 1.
ENDS = (-5 / 8, 1 / 6, -1 / 24)
#: Points that carry the end terms of both ends.
SHORTEST = 2 * len(ENDS)


def moments(energies: np.ndarray, densities: np.ndarray, fermi: float) -> np.ndarray:
    """(..., 5) for densities (..., n) at rising energies (n,) in eV, in the order of `NAMES`.

    filling: share of the states up to `fermi`; centre (eV) on the energies' own zero; width: standard deviation (eV);
    skewness, kurtosis: third and fourth central moment over that power of the width, so 0 and 3 for a Gaussian, and 0
    where there is no width. A channel without states has five zeros. The sign of the densities does not matter.
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
    # Below this it is the rounding of one point.
    width = np.where(width < 1e-6 * np.diff(energies).min(), 0.0, width)
    scale = np.where(width == 0, np.inf, width)
    filling = _up_to(fermi, energies, densities, runs) / total
    found = np.stack([filling, centre, width, third / scale**3, fourth / scale**4], axis=-1)
    return np.where(empty[..., None], 0.0, found)


def weights(energies: np.ndarray, densities: np.ndarray) -> np.ndarray:
    """Weights (..., n) with which densities are summed to an integral; zero where there are no states."""
    return _factors(*_runs(np.asarray(densities))) * np.gradient(energies)


def _up_to(fermi: float, energies: np.ndarray, densities: np.ndarray, runs) -> np.ndarray:
    """The integral (...) of densities (..., n) up to `fermi`: that of the function cut off there."""
    steps = np.gradient(energies)
    last = int(np.searchsorted(energies, fermi + 1e-9 * steps.min(), side="right")) - 1
    if last < 0:
        return np.zeros(densities.shape[:-1])
    before, after, level = (values[..., : last + 1] for values in runs)
    # A run that goes on beyond the Fermi level now ends at the last point below it; levels stay whole.
    cut = np.where(level, after, np.minimum(after, last - np.arange(last + 1)))
    found = (densities[..., : last + 1] * _factors(before, cut, level) * steps[: last + 1]).sum(axis=-1)
    if last + 1 == len(energies):
        return found
    # From that point to the Fermi level, along a straight line.
    beyond = (fermi - energies[last]) / (energies[last + 1] - energies[last])
    one, other = densities[..., last], densities[..., last + 1]
    piece = (fermi - energies[last]) * (one + beyond * (other - one) / 2)
    return found + np.where((after[..., last] > 0) & ~level[..., last], piece, 0.0)


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
