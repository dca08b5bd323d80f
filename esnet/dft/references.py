"""Energies and volumes of the elements from the embedded dataset, and formation energies relative to them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from common.chem.crystal import Crystal
from common.chem.elements import NUMBERS
from common.io.hdf5 import reading_hdf5
from common.sources.mini import PATH
from esnet.dft.backends import DEFAULT, Settings


class Reference(NamedTuple):
    """Energy (eV/atom) and volume (cubic angstrom/atom; zero for a molecule) of an element."""

    energy: float
    volume: float


@lru_cache
def references() -> dict[int, Reference]:
    """Atomic number -> ground state of the element, by GPAW at the default level of theory (58 elements).

    O2 is a triplet, carbon is graphite, H, N, O, F, Cl, Br and I are molecules, sulfur is a hypothetical chain.
    """
    with reading_hdf5(PATH) as file:
        return {
            NUMBERS[name]: Reference(*(float(group.attrs[key]) for key in ("energy_per_atom_eV", "volume_per_atom_A3")))
            for name, group in file["references"].items()
        }


def formation_energy(crystal: Crystal, energy: float, settings: Settings = DEFAULT) -> float:
    """Formation energy in eV/atom; NaN for an element without reference or another level of theory."""
    if replace(settings, relax=0.0) != DEFAULT:
        return float("nan")
    numbers = crystal.numbers
    return float(energy / len(numbers) - reference_energy(numbers))


def reference_energy(numbers: np.ndarray) -> float:
    """Mean reference energy of these atoms in eV/atom; NaN for an element without reference."""
    known = references()
    if not set(numbers.tolist()) <= set(known):
        return float("nan")
    return sum(known[z].energy for z in numbers.tolist()) / len(numbers)
