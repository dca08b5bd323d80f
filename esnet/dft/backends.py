"""Densities of states from a calculation: one function an engine, all with the same face; GPAW is at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from common.chem.crystal import Crystal, as_crystal
from common.chem.lattice import refuse_overlap
from common.errors import UserError
from esnet.dos.projected import ProjectedDOS

#: Name -> "module:function", imported when used.
ENGINES = {"gpaw": "esnet.dft.gpaw_backend:gpaw"}


class EngineMissing(UserError):
    """No material can be computed here."""


@dataclass(frozen=True)
class Settings:
    """The level of theory. The defaults are those of the embedded data set, to whose references energies are taken.

    cutoff: of the plane waves, eV; k_length: lattice vector times k-points, at least so many angstrom; smearing: width
    of the Fermi-Dirac distribution, eV; convergence: eV a valence electron; iterations: at most so many. relax: cell
    and atoms, until no force is above so many eV/angstrom, in at most `relaxation_steps`; 0 = the structure as it is.
    """

    xc: str = "PBE"
    cutoff: float = 400.0
    k_length: float = 30.0
    smearing: float = 0.10
    convergence: float = 0.0005
    iterations: int = 200
    relax: float = 0.0
    relaxation_steps: int = 60


DEFAULT = Settings()
RELAXED = Settings(relax=0.02)


@dataclass(frozen=True)
class Calculation:
    """What an engine gives for one crystal.

    dos: absolute energies in steps of 0.02 eV, the Fermi level on one of them, every value the mean of its step.
    total: (2, n) all states, inside of the spheres or not. attributes: energies and cost, named as in the files.
    crystal: whose densities these are, the relaxed one where that was asked for.
    """

    dos: ProjectedDOS
    total: np.ndarray
    attributes: dict
    crystal: Crystal


Engine = Callable[..., Calculation]


def compute(
    structure, *, engine: str | Engine = "gpaw", settings: Settings = DEFAULT, time_limit: float | None = None
) -> Calculation:
    """Densities of states, energies and cost of one structure. `time_limit` is in seconds of wall time."""
    crystal = as_crystal(structure)
    refuse_overlap(crystal)
    return engine_of(engine)(crystal, settings, time_limit)


def compute_dos(
    structure, settings: Settings = DEFAULT, *, engine: str | Engine = "gpaw", time_limit=None
) -> ProjectedDOS:
    """The densities of states of a `Crystal`, a `(numbers, lattice, frac)` triple or a pymatgen `Structure`."""
    return compute(structure, engine=engine, settings=settings, time_limit=time_limit).dos


def engine_of(engine: str | Engine) -> Engine:
    """An engine by its name, or a function with the face of one: `(crystal, settings, time_limit) -> Calculation`."""
    if callable(engine):
        return engine
    if engine not in ENGINES:
        raise EngineMissing(f"engine {engine!r} is unknown; there are: {', '.join(ENGINES)}")
    module, _, function = ENGINES[engine].partition(":")
    return getattr(import_module(module), function)
