"""Formulas and crystals that several benchmarks measure on."""

from __future__ import annotations

import numpy as np

from common.data.materials import MaterialsDataset
from common.sources import load_source


def formulas(n: int) -> MaterialsDataset:
    return load_source("matbench-log-kvrh").take(np.arange(n))


def crystals(n: int, sites: tuple[int, int]) -> MaterialsDataset:
    """Crystals of the Materials Project with so many atoms, with the formation energy as target."""
    table = load_source("mp-structures").known("formation_energy_per_atom")
    return table.take(np.sort(np.random.default_rng(0).permutation(rows_of_size(table, *sites))[:n]))


def rows_of_size(table: MaterialsDataset, least: float, most: float) -> np.ndarray:
    """The rows whose cells have so many atoms."""
    sizes = np.array([table.n_sites(row) for row in range(len(table))])
    return np.flatnonzero((sizes >= least) & (sizes <= most))
