"""The same patterns by FXI Condor, where that program is installed.

M. F. Hantke, T. Ekeberg, F. R. N. C. Maia, J. Appl. Cryst. 2016, 49, 1356. It is no package of the Python index; the
one called `condor` there is NASA's modelling framework, recognized by its classes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from common.chem.crystal import Crystal
from common.errors import UserError
from common.io.files import reason_of
from diffcomp.diffraction.settings import Diffraction, rotations

NEEDED = ("Source", "Detector", "ParticleAtoms", "Experiment")
BROKEN, INSTEAD = (
    "the installed package condor cannot be imported",
    "reinstall it or use the simulator 'sum'",
)
NASAS = ("ExplicitSystem", "AlgebraicSystem", "OptimizationProblem")


def condor_intensity(crystal: Crystal, grid: int, settings: Diffraction, tick: Callable[[int], object]) -> np.ndarray:
    """Photons (3, grid, grid) float32. Every atom of the block is passed, already rotated."""
    condor = find_condor()
    numbers, positions = block(crystal, settings.cells)
    patterns = []
    for turn in rotations(settings.angle):
        try:
            # Metres. Rotated here, so that Condor's convention for rotations does not matter.
            pattern = _propagated(condor, numbers, positions @ turn.T * 1e-10, grid, settings)
        except Exception as error:  # whatever another program may raise, in other versions too
            raise UserError(f"FXI Condor failed ({reason_of(error)}); {INSTEAD}") from None
        if pattern.shape != (grid, grid) or not np.isfinite(pattern).all():
            raise UserError("FXI Condor gave no pattern of the size that it was asked for; use the simulator 'sum'")
        patterns.append(pattern)
        tick(len(crystal.numbers))
    return np.array(patterns)


def _propagated(condor, numbers, positions, grid: int, settings: Diffraction) -> np.ndarray:
    """The pattern (grid, grid) float32 of atoms in one beam."""
    source = condor.Source(
        wavelength=settings.wavelength, pulse_energy=settings.pulse_energy, focus_diameter=settings.focus
    )
    detector = condor.Detector(
        distance=settings.distance, pixel_size=settings.width / grid, nx=grid, ny=grid, noise=None
    )
    atoms = condor.ParticleAtoms(atomic_numbers=numbers, atomic_positions=positions)
    result = condor.Experiment(source, {"particle_atoms": atoms}, detector).propagate()
    return np.asarray(result["entry_1"]["data_1"]["data"], dtype=np.float32)


def block(crystal: Crystal, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers (n,) and positions (n, 3) in angstrom of all atoms of cells x cells x cells repeats."""
    places = np.indices((cells,) * 3).reshape(3, -1).T
    positions = (places[:, None] + crystal.frac) @ crystal.lattice
    return np.tile(crystal.numbers, len(places)).astype(np.int32), positions.reshape(-1, 3)


def find_condor():
    """The module, if it is FXI Condor."""
    try:
        import condor
    except ModuleNotFoundError as error:
        if error.name != "condor":
            raise UserError(f"{BROKEN} ({reason_of(error)}); {INSTEAD}") from None
        raise UserError(
            "FXI Condor is not installed (github.com/FXIhub/condor); the simulator 'sum' needs nothing"
        ) from None
    except Exception as error:  # a package that is there can fail in every way
        raise UserError(f"{BROKEN} ({reason_of(error)}); {INSTEAD}") from None
    if any(hasattr(condor, name) for name in NASAS):
        raise UserError(
            "the installed package condor is NASA's modelling framework, not FXI Condor (github.com/FXIhub/condor); "
            "use the simulator 'sum', or an environment with the other one"
        )
    missing = [name for name in NEEDED if not hasattr(condor, name)]
    if missing:
        raise UserError(f"the installed package condor is not FXI Condor (no {missing[0]}); use the simulator 'sum'")
    return condor
