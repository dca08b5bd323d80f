"""Three diffraction patterns of a crystal, by the lattice sum of a block of cells.

    I(pixel) = photons * r_e^2 * solid angle * |F|^2 * product over k of (sin(pi N h_k) / sin(pi h_k))^2
    F = sum over atoms j of f_j(|H|) exp(-2 pi i (h_1 x_j + h_2 y_j + h_3 z_j)),   h_k = H . a_k

H is the scattering vector of the pixel on the curved Ewald sphere, a_k a lattice vector of the turned crystal, N the
number of cells along it. The block's N^3 cells need no sum of their own, which is what makes this hundreds of times
faster than adding up its atoms; the result is the same. f are the neutral-atom factors of the International Tables,
four Gaussians and a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from common.chem.crystal import Crystal, as_crystal
from common.chem.elements import SYMBOLS
from common.errors import UserError
from diffcomp.diffraction.condor import condor_intensity
from diffcomp.diffraction.orientation import oriented
from diffcomp.diffraction.settings import ELECTRON_RADIUS, SIMULATORS, Diffraction, rotations

#: Californium is the last element in the tables.
LAST_ELEMENT, ZINC = 98, 30
#: A number for zinc, 5.1652 in the Tables, has two digits exchanged in Condor, the program that the article used;
#: used so that patterns agree with it (the difference is 1e-4 of the brightest pixel).
CONDORS_ZINC = 5.1625
#: Values of pixels and atoms computed at once.
CHUNK = 2**22


def intensity(
    structure,
    grid: int = 256,
    settings: Diffraction | None = None,
    *,
    simulator: str = "sum",
    orient: bool = True,
    tick: Callable[[int], object] | None = None,
) -> np.ndarray:
    """Photons in every pixel, (3, grid, grid) float32: the crystal turned about x, y, z; rows are y, columns x.

    structure: a pymatgen `Structure`, a `Crystal` or a `(numbers, lattice, frac)` triple.
    simulator: "sum", or "condor" for FXI Condor where it is installed.
    orient: rotate the crystal first, see `orientation`; otherwise its lattice is taken as given.
    tick: called with the number of atoms added since its last call; in total, three times the number of atoms.
    """
    settings, tick = settings or Diffraction(), tick or (lambda atoms: None)
    crystal = as_crystal(structure)
    crystal = oriented(crystal) if orient else crystal
    if simulator not in SIMULATORS:
        raise UserError(f"simulator {simulator!r} is unknown; choose one of {', '.join(SIMULATORS)}")
    if simulator == "condor":
        return condor_intensity(crystal, grid, settings, tick)
    pixels = pixels_of(grid, settings)
    factors = {int(z): _factor(int(z), grid, settings) for z in np.unique(crystal.numbers)}
    patterns = []
    for turn in rotations(settings.angle):
        # H . (R a) = (R^T H) . a
        h = (crystal.lattice @ turn.T @ pixels.scattering).astype(np.float32)
        patterns.append(interference(h, settings.cells) * _cell(h, crystal, factors, tick))
    scale = settings.photons * ELECTRON_RADIUS**2 * pixels.solid_angle
    return (np.array(patterns) * scale).reshape(3, grid, grid).astype(np.float32)


class _Pixels:
    """Scattering vectors (3, grid^2) in 1/angstrom and solid angles (grid^2,) of the pixels, row by row."""

    def __init__(self, grid: int, settings: Diffraction):
        pitch = settings.width / grid
        place = (np.arange(grid) - (grid - 1) / 2) * pitch
        y, x = (axis.ravel() for axis in np.meshgrid(place, place, indexing="ij"))
        away = np.sqrt(x**2 + y**2 + settings.distance**2)
        direction = np.array([x, y, np.full_like(x, settings.distance)]) / away - np.array([[0.0], [0.0], [1.0]])
        self.scattering = direction / (settings.wavelength * 1e10)
        self.length = np.linalg.norm(self.scattering, axis=0)
        self.solid_angle = (pitch / settings.distance) ** 2 * (settings.distance / away) ** 3


@lru_cache(maxsize=4)
def pixels_of(grid: int, settings: Diffraction) -> _Pixels:
    if grid < 8:
        raise UserError(f"a pattern of {grid} x {grid} pixels shows nothing; take 64 or more")
    return _Pixels(grid, settings)


@lru_cache(maxsize=256)
def _factor(z: int, grid: int, settings: Diffraction) -> np.ndarray:
    """The atomic scattering factor in every pixel, (grid^2,) float32."""
    return scattering_factor(z, pixels_of(grid, settings).length).astype(np.float32)


def scattering_factor(z: int, length: np.ndarray) -> np.ndarray:
    """f at |H| in 1/angstrom: sum of a exp(-b |H|^2 / 4) + c."""
    a, b, c = _coefficients(z)
    return (a[:, None] * np.exp(-b[:, None] * np.square(length).ravel() / 4)).sum(axis=0).reshape(length.shape) + c


@lru_cache(maxsize=128)
def _coefficients(z: int) -> tuple[np.ndarray, np.ndarray, float]:
    if not 1 <= z <= LAST_ELEMENT:
        raise UserError(f"{SYMBOLS[z]} has no scattering factor; the tables end at {SYMBOLS[LAST_ELEMENT]}")
    import gemmi

    found = gemmi.Element(z).it92
    a, b = np.array(found.a), np.array(found.b)
    if z == ZINC:
        a[2] = CONDORS_ZINC
    return a, b, float(found.c)


def interference(h, cells: int, ops=np):
    """Product over the three vectors of (sin(pi N h) / sin(pi h))^2, which is N^2 where h is whole; h (..., 3, p).

    ops: numpy, or `keras.ops`, which has the same functions.
    """
    off = np.float32(np.pi) * (h - ops.round(h))
    below = ops.sin(off)
    near = ops.abs(below) < 1e-5
    ratio = ops.where(near, np.float32(cells), ops.sin(cells * off) / ops.where(near, np.float32(1), below))
    return ops.prod(ratio, axis=-2) ** 2


def _cell(h: np.ndarray, crystal: Crystal, factors: dict[int, np.ndarray], tick: Callable) -> np.ndarray:
    """|F|^2 of one cell in every pixel; h (3, p)."""
    frac = (-2 * np.pi * crystal.frac).astype(np.float32)
    real, imaginary = np.zeros(h.shape[1], dtype=np.float32), np.zeros(h.shape[1], dtype=np.float32)
    step = max(1, CHUNK // h.shape[1])
    for z, factor in factors.items():
        atoms = frac[crystal.numbers == z]
        cosine, sine = np.zeros_like(real), np.zeros_like(real)
        for start in range(0, len(atoms), step):
            phase = atoms[start : start + step] @ h
            cosine += np.cos(phase).sum(axis=0)
            sine += np.sin(phase).sum(axis=0)
            tick(len(phase))
        real += factor * cosine
        imaginary += factor * sine
    return real**2 + imaginary**2
