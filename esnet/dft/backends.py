"""Density functional theory (DFT) backends: one function each, with a common signature. GPAW is the only one so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name

import numpy as np

from common.chem.crystal import Crystal, as_crystal
from common.chem.lattice import refuse_overlap
from common.errors import UserError
from esnet.dos.projected import ProjectedDOS

#: Name -> "module:function", imported on first use.
BACKENDS = {"gpaw": "esnet.dft.gpaw_backend:gpaw"}


class BackendMissing(UserError):
    """The backend is not installed or unknown, so no material can be computed."""


@dataclass(frozen=True)
class Settings:
    """The level of theory. The defaults are those of the embedded dataset, whose element references we use.

    cutoff: plane-wave cutoff (eV). k_length: minimum of lattice vector times number of k-points (angstrom). smearing:
    Fermi-Dirac width (eV). convergence: energy tolerance of the SCF (eV per valence electron). iterations: SCF limit.
    relax: force threshold (eV/angstrom) of a relaxation of cell and atoms, 0 for none; relaxation_steps: its limit.
    """

    xc: str = "PBE"
    cutoff: float = 400.0
    k_length: float = 30.0
    smearing: float = 0.10
    convergence: float = 0.0005
    iterations: int = 200
    relax: float = 0.0
    relaxation_steps: int = 60

    def file_attributes(self) -> dict[str, str | float]:
        """The attributes that describe the level of theory in an HDF5 file."""
        attributes: dict[str, str | float] = {
            "xc": self.xc,
            "plane_wave_cutoff_eV": self.cutoff,
            "k_density": f"a_i*k_i >= {self.k_length:g}, Gamma-centred",
            "smearing": f"Fermi-Dirac {self.smearing:.2f} eV; energies extrapolated to zero width",
            "dos_method": "linear tetrahedron, averaged over bins of 0.02 eV",
            "projection": "all-electron partial waves inside the PAW sphere, summed over atoms, symmetrised",
        }
        if self.relax:
            attributes["structures"] = f"relaxed until no force is above {self.relax:g} eV/angstrom"
        return attributes


DEFAULT = Settings()
RELAXED = Settings(relax=0.02)


@dataclass(frozen=True)
class Calculation:
    """The result of a backend for one crystal.

    dos: absolute energies in steps of 0.02 eV with the Fermi level on the grid; each value is the mean over its step.
    total: (2, n) total density of states. attributes: energies and cost, with the names used in HDF5 files.
    crystal: the crystal of these densities, the relaxed one after a relaxation.
    """

    dos: ProjectedDOS
    total: np.ndarray
    attributes: dict
    crystal: Crystal


Backend = Callable[..., Calculation]


def compute(
    structure: object,
    *,
    backend: str | Backend = "gpaw",
    settings: Settings = DEFAULT,
    time_limit: float | None = None,
) -> Calculation:
    """Densities of states, energies and cost of one structure. `time_limit` is in seconds of wall time."""
    crystal = as_crystal(structure)
    refuse_overlap(crystal)
    return backend_of(backend)(crystal, settings, time_limit)


def compute_dos(
    structure: object,
    settings: Settings = DEFAULT,
    *,
    backend: str | Backend = "gpaw",
    time_limit: float | None = None,
) -> ProjectedDOS:
    """The densities of states of a `Crystal`, a `(numbers, lattice, frac)` triple or a pymatgen `Structure`."""
    return compute(structure, backend=backend, settings=settings, time_limit=time_limit).dos


def backend_of(backend: str | Backend) -> Backend:
    """A backend by name; a function `(crystal, settings, time_limit) -> Calculation` is returned unchanged."""
    if callable(backend):
        return backend
    if backend not in BACKENDS:
        raise BackendMissing(f"DFT backend {backend!r} is unknown; choose one of {', '.join(BACKENDS)}")
    return resolve_name(BACKENDS[backend])
