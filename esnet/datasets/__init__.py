"""The datasets of the ESNet paper."""

from __future__ import annotations

import numpy as np

from common.chem.elements import F_BLOCK
from common.sources.datadir import existing
from common.sources.densities import load as load_densities
from common.sources.filter_log import NEWER, Traced
from common.sources.registry import RowCount
from common.sources.remote.materials_project import esnet_densities, traced_recipe
from esnet.datasets.densities import (
    UNRELAXED,
    isdos_2eorr,
    isdos_2eorr_referenced,
    orr_relaxed_of_isdos,
    rsdos_2eorr,
)
from esnet.datasets.files import load_data, with_computed_densities
from esnet.datasets.orr_alloys import HIGHEST, mp_and_orr_initial, orr_relaxed

__all__ = ["ROW_COUNTS", "SOURCES", "load_data", "with_computed_densities"]


def _isdos() -> Traced:
    traced = Traced.of(load_densities(existing(UNRELAXED)), "materials with densities")
    return traced.at_most("formation_energy", HIGHEST)


def _mp_esnet() -> Traced:
    traced = traced_recipe("mp-esnet").without(F_BLOCK, "f elements").known("formation_energy_per_atom")
    with_densities = set(esnet_densities().ids.tolist())
    there = np.array([name in with_densities for name in traced.table.ids.tolist()])
    return traced.keep("projected densities there", there).at_most("formation_energy_per_atom", HIGHEST)


SOURCES = {
    "isdos-2eorr": isdos_2eorr,
    "isdos-2eorr-referenced": isdos_2eorr_referenced,
    "orr-relaxed": orr_relaxed,
    "orr-relaxed-with-densities": orr_relaxed_of_isdos,
    "mp-and-orr-initial": mp_and_orr_initial,
    "rsdos-2eorr": rsdos_2eorr,
}
ROW_COUNTS = {
    "isdos-2eorr": RowCount("ESNet", "test", 7168, _isdos, "densities were computed for the smallest cells alone"),
    "mp-esnet": RowCount("ESNet", "training", 62842, _mp_esnet, NEWER),
}
