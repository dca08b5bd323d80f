"""The embedded dataset: 336 crystals computed for this project; `mini.md` is its card."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np

from common.data.materials import MaterialsDataset
from common.io.hdf5 import reading_hdf5
from common.sources import densities

PATH = Path(__file__).with_name("mini.h5")
#: Energies of the density of states, eV from the Fermi level.
DOS_RANGE = (-10.0, 10.0)
#: 1 eV per cubic angstrom in GPa.
GPA = 160.21766


@cache
def load() -> MaterialsDataset:
    """The embedded dataset: 336 small crystals with energies, gaps, some bulk moduli and densities of states."""
    table = densities.load(PATH, origin="mini")
    # Strained copies of a compound are named <compound>-v94 and <compound>-v106.
    series = defaultdict(list)
    for row, (name, energy) in enumerate(zip(table.ids.tolist(), table.target("total_energy").values, strict=True)):
        series[name.rsplit("-v", 1)[0]].append((table.structure(row).volume, energy * table.n_sites(row)))
    modulus = [bulk_modulus(series[name]) if name in series else np.nan for name in table.ids.tolist()]
    return table.with_target("bulk_modulus", np.array(modulus, dtype=float), "GPa")


def load_dos() -> MaterialsDataset:
    """The embedded dataset with total densities of states: curves of 40 points around the Fermi level."""
    table = load()
    with reading_hdf5(PATH) as file:
        energy = file.attrs["energies_eV"]
        counts = {name: len(group["numbers"]) for name, group in file["materials"].items()}
        both = [file[f"materials/{name}/dos_total_rel"][:].sum(axis=0) / counts[name] for name in table.ids.tolist()]
    # 25 of the file's steps of 0.02 eV make one of 0.5 eV.
    first, width = int(np.searchsorted(energy, DOS_RANGE[0] - 1e-6)), 25
    points = round((DOS_RANGE[1] - DOS_RANGE[0]) / 0.5)
    wide = np.array(both)[:, first : first + points * width].reshape(len(both), points, width).mean(axis=2)
    axis = DOS_RANGE[0] + 0.5 * (np.arange(points) + 0.5)
    return table.with_target("total_dos", wide, "1/(eV atom)", axis=axis, axis_unit="eV")


def load_swollen() -> MaterialsDataset:
    """The embedded crystals in cells 3 % longer in every direction, such as a structure may have before relaxation."""
    table = load()
    swollen = [crystal._replace(lattice=1.03 * crystal.lattice) for crystal in table.structures()]
    return MaterialsDataset.from_structures(
        table.ids, swollen, dict(table.targets), formulas=table.formulas, origin="mini-swollen"
    )


def bulk_modulus(points: list[tuple[float, float]]) -> float:
    """B = V d2E/dV2 in GPa at the minimum of a parabola through three (volume, energy) points, else NaN.

    A minimum outside the three volumes is extrapolation (GaN would be 60 % too stiff) and counts as unknown.
    """
    if len(points) != 3:
        return float("nan")
    volumes, energies = np.array(sorted(points)).T
    a, b, _ = np.polyfit(volumes, energies, 2)
    equilibrium = -b / (2 * a)
    inside = a > 0 and volumes[0] <= equilibrium <= volumes[-1]
    return float(2 * a * equilibrium * GPA) if inside else float("nan")
