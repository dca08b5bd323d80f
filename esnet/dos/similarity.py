"""Similarity of the densities of states of initial and relaxed structures (Figure 1b).

Six descriptors of every channel; their mean absolute difference over pairs of structures of one material is compared
with that over random pairs.
"""

from __future__ import annotations

import numpy as np

from common.errors import UserError
from esnet.dos.moments import moments, weights

#: Number of states and the moments 0 to 4 of the scaled channel; the third and fourth are standardized.
DESCRIPTORS = ("states", "area (eV)", "centre (eV)", "width (eV)", "skewness", "kurtosis")


def descriptors(energies: np.ndarray, densities: np.ndarray) -> np.ndarray:
    """(..., 6) in the order of `DESCRIPTORS` for densities (..., n) of either sign at energies (n,) in eV.

    states: the integral. The others describe the shape, independent of the number of atoms: area, centre, width,
    skewness and kurtosis of the channel after min-max scaling, without the ranges that have no states.
    """
    densities = np.abs(np.asarray(densities, dtype=np.float64))
    states = (densities * weights(energies, densities)).sum(axis=-1)
    low, high = densities.min(axis=-1, keepdims=True), densities.max(axis=-1, keepdims=True)
    flat = high == low
    # Min-max scaling would turn a constant density into zero; treat it as a box.
    scaled = np.where(flat, (high > 0).astype(float), (densities - low) / np.where(flat, 1.0, high - low))
    area = (scaled * weights(energies, scaled)).sum(axis=-1)
    shape = moments(energies, scaled, float(energies[0]))[..., 1:]
    return np.concatenate([states[..., None], area[..., None], shape], axis=-1)


def similarity(initial: np.ndarray, relaxed: np.ndarray, *, seed: int = 0) -> dict[str, dict[str, float]]:
    """Mean absolute differences of descriptors (m, channels, 6) of m materials before and after relaxation.

    Returns descriptor -> "pairs" (same material), "random" (as many pairs of different materials) and their "ratio".
    """
    initial, relaxed = np.asarray(initial), np.asarray(relaxed)
    if initial.shape != relaxed.shape or initial.ndim != 3:
        raise UserError(f"descriptors of shapes {initial.shape} and {relaxed.shape} do not match")
    if len(initial) < 2:
        raise UserError("random pairs need at least two materials")
    order = np.random.default_rng(seed).permutation(len(initial))
    same = np.abs(initial - relaxed).mean(axis=(0, 1))
    # A random cyclic permutation pairs no material with itself.
    other = np.abs(initial[order] - relaxed[np.roll(order, 1)]).mean(axis=(0, 1))
    return {
        name: {"pairs": float(a), "random": float(b), "ratio": float(a / b) if b > 0 else float("nan")}
        for name, a, b in zip(DESCRIPTORS, same, other, strict=True)
    }
