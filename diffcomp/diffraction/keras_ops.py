"""The lattice sum of `diffraction.py` for many crystals at once, in `keras.ops`: for GPUs, on any backend.

n crystals, A places for atoms (empty ones have no weight), three beams b, p pixels
h      (n, b, 3, p)   reciprocal coordinates of every pixel
phase  (n, b, A, p)   -2 pi x_j . h
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.chem.crystal import as_crystal
from common.errors import UserError
from diffcomp.diffraction.lattice_sum import interference, pixels_of, scattering_factor
from diffcomp.diffraction.orientation import oriented
from diffcomp.diffraction.settings import ELECTRON_RADIUS, Diffraction, rotations


def intensities(structures: Sequence, grid: int = 256, settings: Diffraction | None = None) -> np.ndarray:
    """Photons in every pixel of every crystal, (n, 3, grid, grid) float32, as `intensity` gives them one by one."""
    from keras import ops

    settings = settings or Diffraction()
    crystals = [oriented(as_crystal(structure)) for structure in structures]
    if not crystals:
        raise UserError("there are no structures to simulate")
    pixels = pixels_of(grid, settings)
    elements = np.unique(np.concatenate([crystal.numbers for crystal in crystals]))
    factors = np.stack([scattering_factor(int(z), pixels.length) for z in elements]).astype(np.float32)
    frac, kinds, there = _padded(crystals, elements)
    turns = np.stack(rotations(settings.angle))
    vectors = np.stack([crystal.lattice @ turns.transpose(0, 2, 1) for crystal in crystals]).astype(np.float32)

    h = ops.matmul(vectors, pixels.scattering.astype(np.float32)[None, None])
    weights = ops.take(factors, kinds, axis=0) * there[..., None]
    amplitude = _structure_factor(ops, frac, h, weights)
    scale = settings.photons * ELECTRON_RADIUS**2 * pixels.solid_angle
    patterns = np.asarray(amplitude * interference(h, settings.cells, ops), dtype=np.float64) * scale
    return patterns.reshape(len(crystals), 3, grid, grid).astype(np.float32)


def _padded(crystals, elements):
    """Fractional coordinates (n, A, 3), places in `elements` (n, A) and whether an atom is there (n, A)."""
    most = max(len(crystal.numbers) for crystal in crystals)
    frac = np.zeros((len(crystals), most, 3), dtype=np.float32)
    kinds = np.zeros((len(crystals), most), dtype=np.int32)
    there = np.zeros((len(crystals), most), dtype=np.float32)
    for k, crystal in enumerate(crystals):
        n = len(crystal.numbers)
        frac[k, :n], kinds[k, :n], there[k, :n] = crystal.frac, np.searchsorted(elements, crystal.numbers), 1
    return frac, kinds, there


def _structure_factor(ops, frac, h, weights):
    """|F|^2 (n, b, p) of one cell."""
    phase = ops.matmul((-2 * np.pi * frac).astype(np.float32)[:, None], h)
    weights = ops.expand_dims(weights, 1)
    return ops.sum(weights * ops.cos(phase), axis=2) ** 2 + ops.sum(weights * ops.sin(phase), axis=2) ** 2
