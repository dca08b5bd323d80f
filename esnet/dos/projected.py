"""Projected densities of states in one form, whatever they come from.

Orbitals are read by name, never by position: programs list them in different orders. f orbitals are left out, and it is
said that they were there. A run without spin holds both spins in one channel; each gets half.
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
#: Other ways to write them.
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
    """Densities (2 spins, 9 orbitals, n), both spins positive, in states/eV, at rising energies (n,) in eV.

    fermi, valence_top: eV on the energies' own zero; reference: what that zero is.
    polarized: whether the two spins were computed apart. f_left_out: whether there were f orbitals.
    per: what the densities are those of, the "cell", a "site" or a distinct "element".
    """

    energies: np.ndarray
    densities: np.ndarray
    fermi: float
    valence_top: float
    reference: str
    polarized: bool
    engine: str
    sites: int
    elements: tuple[str, ...]
    f_left_out: bool = False
    per: str = "cell"

    def __post_init__(self):
        if self.reference not in REFERENCES:
            raise UserError(f"energy reference {self.reference!r} is unknown; there are: {', '.join(REFERENCES)}")
        if self.per not in self.counts():
            raise UserError(f"densities per {self.per!r} are unknown; there are: {', '.join(self.counts())}")
        if self.densities.shape != (2, len(ORBITALS), len(self.energies)):
            raise UserError(f"densities of shape {self.densities.shape} do not fit {len(self.energies)} energies")
        if len(self.energies) < 2 or (np.diff(self.energies) <= 0).any():
            raise UserError("the energies of the density of states must rise")
        if not (np.isfinite(self.densities).all() and np.isfinite(self.energies).all()):
            raise UserError("the density of states holds values that are no numbers")

    def counts(self) -> dict[str, int]:
        """How many there are of what densities may be given for."""
        return {"cell": 1, "site": self.sites, "element": len(self.elements)}

    def referred_to(self, reference: str) -> ProjectedDOS:
        """The same with another zero of energy. Back to absolute energies there is no way."""
        if reference == self.reference:
            return self
        zeros = {"fermi": self.fermi, "valence band": self.valence_top}
        if reference not in zeros:
            raise UserError(f"energies relative to the {self.reference} cannot be made {reference}")
        shift = zeros[reference]
        return replace(
            self,
            energies=self.energies - shift,
            fermi=self.fermi - shift,
            valence_top=self.valence_top - shift,
            reference=reference,
        )


def collect(channels: dict[tuple[str, int], np.ndarray], n: int) -> tuple[np.ndarray, bool]:
    """Densities (2, 9, n) from (orbital name, spin 0 or 1) -> values, and whether f orbitals were among them."""
    places, f_there = _places(tuple(channels))
    densities = np.zeros((2, len(ORBITALS), n))
    for values, place in zip(channels.values(), places, strict=True):
        if place is not None:
            densities[place] += values
    return densities, f_there


def check_orbitals(names: Iterable[str]) -> None:
    """Refuse orbitals that are none of the nine, and no f either."""
    _places(tuple((name, 0) for name in sorted(names)))


@lru_cache
def _places(channels: Sequence[tuple[str, int]]) -> tuple[list[tuple[int, int] | None], bool]:
    """(spin, orbital) of each channel, None for f orbitals, and whether there are any."""
    places: list[tuple[int, int] | None] = []
    for name, spin in channels:
        name = ALIASES.get(name, name)
        if name in ORBITALS:
            places.append((spin, ORBITALS.index(name)))
        elif name.startswith("f"):
            places.append(None)
        else:
            raise UserError(
                f"orbital {name!r} is none of {', '.join(ORBITALS)}; the calculation must resolve them (LORBIT = 11)"
            )
    return places, None in places


def from_group(group, energies: np.ndarray, channels: list[str], *, aligned: bool = False) -> ProjectedDOS:
    """From a material of the embedded data set; `aligned` takes the densities stored relative to the Fermi level."""
    return from_densities(read_group(group, energies, channels, aligned=aligned))


def from_densities(found: Densities) -> ProjectedDOS:
    """From the form in which densities travel with a table."""
    densities, f_there = _sorted_by_orbital(found.values, found.channels)
    fermi = 0.0 if found.aligned else found.fermi
    return ProjectedDOS(
        found.energies,
        densities,
        fermi,
        fermi + found.valence_top,
        "fermi" if found.aligned else "absolute",
        found.polarized,
        found.engine,
        len(found.numbers),
        tuple(sorted({SYMBOLS[z] for z in found.numbers})),
        f_there or found.more_orbitals,
        found.per,
    )


def as_densities(dos: ProjectedDOS, numbers: np.ndarray) -> Densities:
    """The form in which densities travel with a table. Those relative to the valence band's top have none."""
    if dos.reference == "valence band":
        raise UserError("energies relative to the valence band do not say where the Fermi level is")
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
        dos.engine,
        np.asarray(numbers),
        dos.per,
        dos.f_left_out,
    )


def _sorted_by_orbital(values: np.ndarray, channels: tuple[str, ...]) -> tuple[np.ndarray, bool]:
    """As `collect`, for the rows of one array."""
    places, f_there = _places(tuple((name.split()[0], 0 if name.endswith("up") else 1) for name in channels))
    kept = [row for row, place in enumerate(places) if place is not None]
    densities = np.zeros((2, len(ORBITALS), values.shape[1]), values.dtype)
    densities[tuple(zip(*(places[row] for row in kept), strict=True))] = values[kept]
    return densities, f_there
