"""The embedded data set: 336 crystals computed for this project; `common/data/README.md` is its card."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from common.crystal import Crystal, as_crystal
from common.hdf5 import open_hdf5
from common.materials import MaterialsTable, StructureStore, Target, formula_of

PATH = Path(__file__).parent.parent / "data" / "mini.h5"
#: Energies of the density of states, eV from the Fermi level.
DOS_RANGE = (-10.0, 10.0)
#: 1 eV per cubic angstrom in GPa.
GPA = 160.21766


def load() -> MaterialsTable:
    """The embedded data set: 336 small crystals with energies, gaps and some bulk moduli."""
    ids, crystals, energy, formation, gap, series = [], [], [], [], [], defaultdict(list)
    with open_hdf5(PATH) as file:
        for name, group in file["materials"].items():
            crystal = as_crystal((group["numbers"][:], group["cell"][:], group["scaled_positions"][:]))
            ids.append(name)
            crystals.append(crystal)
            energy.append(group.attrs["total_energy_eV"] / len(crystal.numbers))
            formation.append(group.attrs["formation_energy_eV_per_atom"])
            gap.append(group.attrs["band_gap_eV"])
            # Strained copies of a compound are named <compound>-v94 and <compound>-v106.
            series[name.rsplit("-v", 1)[0]].append((crystal.volume, group.attrs["total_energy_eV"]))
    modulus = [bulk_modulus(series[name]) if name in series else np.nan for name in ids]
    targets = {
        "formation_energy": Target(np.array(formation, dtype=float), "eV/atom"),
        "total_energy": Target(np.array(energy, dtype=float), "eV/atom"),
        "band_gap": Target(np.array(gap, dtype=float), "eV"),
        "bulk_modulus": Target(np.array(modulus, dtype=float), "GPa"),
    }
    return MaterialsTable(ids, _formulas(crystals), StructureStore.from_crystals(crystals), targets, origin="mini")


def load_dos() -> MaterialsTable:
    """The embedded data set with total densities of states: curves of 40 points around the Fermi level."""
    table = load()
    with open_hdf5(PATH) as file:
        energy = file.attrs["energies_eV"]
        counts = {name: len(group["numbers"]) for name, group in file["materials"].items()}
        both = [file[f"materials/{name}/dos_total_rel"][:].sum(axis=0) / counts[name] for name in table.ids.tolist()]
    # 25 of the file's steps of 0.02 eV make one of 0.5 eV.
    first, width = int(np.searchsorted(energy, DOS_RANGE[0] - 1e-6)), 25
    points = round((DOS_RANGE[1] - DOS_RANGE[0]) / 0.5)
    wide = np.array(both)[:, first : first + points * width].reshape(len(both), points, width).mean(axis=2)
    axis = DOS_RANGE[0] + 0.5 * (np.arange(points) + 0.5)
    return table.with_target("total_dos", wide, "1/(eV atom)", axis=axis, axis_unit="eV")


def bulk_modulus(points: list[tuple[float, float]]) -> float:
    """B = V d2E/dV2 in GPa at the minimum of a parabola through three (volume, energy) points, else NaN.

    A minimum outside the three volumes is extrapolation (GaN would come out 60 % too stiff) and counts as unknown.
    """
    if len(points) != 3:
        return float("nan")
    volumes, energies = np.array(sorted(points)).T
    a, b, _ = np.polyfit(volumes, energies, 2)
    equilibrium = -b / (2 * a)
    inside = a > 0 and volumes[0] <= equilibrium <= volumes[-1]
    return float(2 * a * equilibrium * GPA) if inside else float("nan")


def _formulas(crystals: list[Crystal]) -> list[str]:
    return [formula_of(crystal) for crystal in crystals]
