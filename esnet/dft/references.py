"""Energies and volumes of the elements, from the embedded data set, and formation energies against them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from common.chem.crystal import Crystal
from common.chem.elements import NUMBERS
from common.io.hdf5 import open_hdf5
from common.sources.mini import PATH
from esnet.dft.backends import DEFAULT, Settings


class Reference(NamedTuple):
    """Energy, eV an atom, and volume, cubic angstrom an atom: zero for a molecule."""

    energy: float
    volume: float


@lru_cache
def references() -> dict[int, Reference]:
    """Atomic number -> ground state of the element by GPAW at the default level of theory, 58 of them.

    O2 as a triplet, graphite, molecules of H, N, O, F, Cl, Br and I; sulfur is a chosen chain.
    """
    with open_hdf5(PATH) as file:
        return {
            NUMBERS[name]: Reference(*(float(group.attrs[key]) for key in ("energy_per_atom_eV", "volume_per_atom_A3")))
            for name, group in file["references"].items()
        }


def formation_energy(crystal: Crystal, energy: float, settings: Settings = DEFAULT) -> float:
    """eV an atom; NaN where an element has no reference, or where the references are of another level of theory."""
    known = references()
    if replace(settings, relax=0.0) != DEFAULT or not set(crystal.numbers.tolist()) <= set(known):
        return float("nan")
    return float((energy - sum(known[z].energy for z in crystal.numbers.tolist())) / len(crystal.numbers))
