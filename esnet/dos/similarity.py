"""How alike the densities of states of initial and relaxed structures are (Figure 1b).

Each channel is described by six numbers; their mean absolute difference over pairs of structures of one material is
held against that over random pairs.
"""

from __future__ import annotations

import numpy as np

from common.errors import UserError
from esnet.dos.moments import moments, weights

#: Number of states, then the moments 0 to 4 of the scaled channel. Second to fourth are standardized.
DESCRIPTORS = ("states", "area (eV)", "centre (eV)", "width (eV)", "skewness", "kurtosis")


def descriptors(energies: np.ndarray, densities: np.ndarray) -> np.ndarray:
    """(..., 6) in the order of `DESCRIPTORS` for densities (..., n) at energies (n,) in eV, of either sign.

    states: the integral as it is. The others are of the channel scaled to values from 0 to 1, less the ranges without
    states, so they tell shapes apart and not the number of atoms: its area, centre, width, skewness and kurtosis.
    """
    densities = np.abs(np.asarray(densities, dtype=np.float64))
    states = (densities * weights(energies, densities)).sum(axis=-1)
    low, high = densities.min(axis=-1, keepdims=True), densities.max(axis=-1, keepdims=True)
    flat = high == low
    # A constant density is a box, not nothing.
    scaled = np.where(flat, (high > 0).astype(float), (densities - low) / np.where(flat, 1.0, high - low))
    area = (scaled * weights(energies, scaled)).sum(axis=-1)
    shape = moments(energies, scaled, float(energies[0]))[..., 1:]
    return np.concatenate([states[..., None], area[..., None], shape], axis=-1)


def similarity(initial: np.ndarray, relaxed: np.ndarray, *, seed: int = 0) -> dict[str, dict[str, float]]:
    """Mean absolute differences of descriptors (m, channels, 6) of m materials before and after relaxation.

    Descriptor -> "pairs": of the same material; "random": of as many pairs of different ones; "ratio" of the two.
    """
    initial, relaxed = np.asarray(initial), np.asarray(relaxed)
    if initial.shape != relaxed.shape or initial.ndim != 3:
        raise UserError(f"descriptors of shapes {initial.shape} and {relaxed.shape} are no pairs of structures")
    if len(initial) < 2:
        raise UserError("random pairs need two materials or more")
    order = np.random.default_rng(seed).permutation(len(initial))
    same = np.abs(initial - relaxed).mean(axis=(0, 1))
    # Each with the next in a random circle: nothing meets itself.
    other = np.abs(initial[order] - relaxed[np.roll(order, 1)]).mean(axis=(0, 1))
    return {
        name: {"pairs": float(a), "random": float(b), "ratio": float(a / b) if b > 0 else float("nan")}
        for name, a, b in zip(DESCRIPTORS, same, other, strict=True)
    }
