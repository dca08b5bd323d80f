"""Alloys with densities of states by GPAW, of unrelaxed and of relaxed structures."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from common.chem.elements import NUMBERS
from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import cache_root
from common.io.hdf5 import reading_hdf5
from common.sources import densities, mini
from common.sources.datadir import existing, place
from esnet.datasets.orr_alloys import HIGHEST, TARGET, UNIT, orr_relaxed

UNRELAXED = "dos/isdos_2eorr_gpaw.h5"
RELAXED = "dos/rsdos_2eorr_gpaw.h5"
COMPUTE = "esnet dos compute orr-relaxed-with-densities --output {} --jobs 2"


def isdos_2eorr() -> MaterialsDataset:
    """Unrelaxed binaries with GPAW's densities of states, and formation energies (VASP) of the relaxed structures."""
    dataset = densities.load(existing(UNRELAXED))
    used = np.flatnonzero(dataset.target(TARGET).values <= HIGHEST)
    if len(used) < len(dataset):
        text = f"{dataset.origin}: {len(dataset) - len(used)} of {len(dataset)} rows above {HIGHEST:g} eV/atom dropped"
        warnings.warn(text, stacklevel=2)
    return dataset.take(used)


def orr_relaxed_of_isdos() -> MaterialsDataset:
    """The relaxed structures of the 2e-ORR alloys whose unrelaxed densities of states are in isdos-2eorr."""
    relaxed = orr_relaxed()
    return relaxed.select([name for name in isdos_2eorr().ids.tolist() if name in relaxed])


def relaxed_densities() -> Path:
    """The file of the relaxed densities, in the data directory or, computed for Figure 1b, in the cache."""
    path, cached = place(RELAXED), cache_root() / "dos" / "2eorr-relaxed" / "dos.h5"
    found = next((one for one in (path, cached) if one.exists()), None)
    if found is None:
        raise UserError(f"{path} does not exist; compute it with {COMPUTE.format(path)} (two hours on one core)")
    return found


def rsdos_2eorr() -> MaterialsDataset:
    """The alloys of isdos-2eorr with GPAW's densities of states of their relaxed structures; energies by VASP."""
    path = relaxed_densities()
    computed, unrelaxed = densities.load(path), isdos_2eorr()
    names = [name for name in unrelaxed.ids.tolist() if name in computed]
    if not names:
        raise UserError(f"{path} has no material of isdos-2eorr; compute it again with {COMPUTE.format(path)}")
    return computed.select(names).with_target(TARGET, unrelaxed.select(names).target(TARGET).values, UNIT)


def isdos_2eorr_referenced() -> MaterialsDataset:
    """The materials of isdos-2eorr whose elements all have a reference energy in the embedded dataset."""
    dataset = isdos_2eorr()
    with reading_hdf5(mini.PATH) as file:
        known = {NUMBERS[symbol] for symbol in file["references"]}
    valid = [set(parse_formula(formula)) <= known for formula in dataset.formulas.tolist()]
    return dataset.take(np.flatnonzero(valid))
