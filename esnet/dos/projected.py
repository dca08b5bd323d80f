"""Projected densities of states in a common form for all sources.

Orbitals are identified by name, never by position, because programs order them differently. f orbitals are dropped and
flagged. A calculation without spin polarization has both spins in one channel; each spin gets half.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from common.chem.elements import SYMBOLS
from common.data.densities import Densities, read_group
from common.errors import UserError

ORBITALS = ("s", "px", "py", "pz", "dxy", "dyz", "dxz", "dx2-y2", "dz2")
#: Other spellings of the orbitals.
ALIASES = {
    "dx2": "dx2-y2",
    "dx2_y2": "dx2-y2",
    "dx2y2": "dx2-y2",
    "x2-y2": "dx2-y2",
    "dx^2-y^2": "dx2-y2",
    "dz^2": "dz2",
}
REFERENCES = ("absolute", "fermi", "valence band")


@dataclass(frozen=True)
class ProjectedDOS:
    """Densities (2 spins, 9 orbitals, n) in states/eV, both spins positive, at increasing energies (n,) in eV.

    fermi, valence_top: Fermi level and valence band maximum (eV) on the axis of `energies`. reference: the zero of that
    axis. polarized: whether the spins were computed separately. program: what computed the densities. f_left_out:
    whether f orbitals were dropped. per: the normalization, per "cell", "site" or distinct "element".
    """

    energies: np.ndarray
    densities: np.ndarray
    fermi: float
    valence_top: float
    reference: str
    polarized: bool
    program: str
    sites: int
    elements: tuple[str, ...]
    f_left_out: bool = False
    per: str = "cell"

    def __post_init__(self):
        if self.reference not in REFERENCES:
            raise UserError(f"energy reference {self.reference!r} is unknown; choose one of {', '.join(REFERENCES)}")
        if self.per not in self.counts():
            raise UserError(f"densities per {self.per!r} are unknown; choose one of {', '.join(self.counts())}")
        if self.densities.shape != (2, len(ORBITALS), len(self.energies)):
            expected = (2, len(ORBITALS), len(self.energies))
            raise UserError(f"densities have shape {self.densities.shape}, not {expected}; check the file")
        if len(self.energies) < 2 or (np.diff(self.energies) <= 0).any():
            raise UserError("the energies of the density of states are not increasing; check the file")
        if not (np.isfinite(self.densities).all() and np.isfinite(self.energies).all()):
            raise UserError("the density of states has values that are not finite; compute it again")

    def counts(self) -> dict[str, int]:
        """Number of cells, sites and distinct elements, for changes of the normalization."""
        return {"cell": 1, "site": self.sites, "element": len(self.elements)}

    def referred_to(self, reference: str) -> ProjectedDOS:
        """The same densities with another zero of energy. Absolute energies cannot be recovered."""
        if reference == self.reference:
            return self
        zeros = {"fermi": self.fermi, "valence band": self.valence_top}
        if reference not in zeros:
            raise UserError(f"energies relative to the {self.reference} cannot be converted to {reference}")
        shift = zeros[reference]
        return replace(
            self,
            energies=self.energies - shift,
            fermi=self.fermi - shift,
            valence_top=self.valence_top - shift,
            reference=reference,
        )


def collect(channels: dict[tuple[str, int], np.ndarray], n: int) -> tuple[np.ndarray, bool]:
    """Densities (2, 9, n) from (orbital name, spin 0 or 1) -> values, and whether there were f orbitals."""
    places, f_there = _places(tuple(channels))
    densities = np.zeros((2, len(ORBITALS), n))
    for values, place in zip(channels.values(), places, strict=True):
        if place is not None:
            densities[place] += values
    return densities, f_there


def check_orbitals(names: Iterable[str]) -> None:
    """Raise for orbitals that are neither s, p, d nor f components."""
    _places(tuple((name, 0) for name in sorted(names)))


@lru_cache
def _places(channels: Sequence[tuple[str, int]]) -> tuple[list[tuple[int, int] | None], bool]:
    """(spin, orbital) index of each channel, None for f orbitals, and whether there are any f orbitals."""
    places: list[tuple[int, int] | None] = []
    for name, spin in channels:
        name = ALIASES.get(name, name)
        if name in ORBITALS:
            places.append((spin, ORBITALS.index(name)))
        elif name.startswith("f"):
            places.append(None)
        else:
            raise UserError(
                f"orbital {name!r} is not one of {', '.join(ORBITALS)}; repeat the calculation with LORBIT = 11"
            )
    return places, None in places


def from_group(group, energies: np.ndarray, channels: list[str], *, aligned: bool = False) -> ProjectedDOS:
    """From an HDF5 group of a material; `aligned` reads the densities stored relative to the Fermi level."""
    return from_densities(read_group(group, energies, channels, aligned=aligned))


def from_densities(found: Densities) -> ProjectedDOS:
    """From the container that datasets use."""
    densities, f_there = _sorted_by_orbital(found.values, found.channels)
    fermi = 0.0 if found.aligned else found.fermi
    return ProjectedDOS(
        found.energies,
        densities,
        fermi,
        fermi + found.valence_top,
        "fermi" if found.aligned else "absolute",
        found.polarized,
        found.program,
        len(found.numbers),
        tuple(sorted({SYMBOLS[z] for z in found.numbers})),
        f_there or found.more_orbitals,
        found.per,
    )


def as_densities(dos: ProjectedDOS, numbers: np.ndarray) -> Densities:
    """To the container that datasets use, which needs the Fermi level."""
    if dos.reference == "valence band":
        raise UserError("energies relative to the valence band lack the Fermi level; use absolute energies")
    channels = tuple(f"{orbital} {spin}" for spin in ("up", "down") for orbital in ORBITALS)
    values = dos.densities.reshape(len(channels), -1).astype(np.float32)
    return Densities(
        values,
        dos.energies,
        channels,
        dos.reference == "fermi",
        dos.fermi,
        dos.valence_top - dos.fermi,
        dos.polarized,
        dos.program,
        np.asarray(numbers),
        dos.per,
        dos.f_left_out,
    )


def _sorted_by_orbital(values: np.ndarray, channels: tuple[str, ...]) -> tuple[np.ndarray, bool]:
    """Like `collect`, for the rows of one array."""
    places, f_there = _places(tuple((name.split()[0], 0 if name.endswith("up") else 1) for name in channels))
    used = [row for row, place in enumerate(places) if place is not None]
    densities = np.zeros((2, len(ORBITALS), values.shape[1]), values.dtype)
    densities[tuple(zip(*(places[row] for row in used), strict=True))] = values[used]
    return densities, f_there
