"""The datasets of the Finder paper as its authors publish them, doi:10.6084/m9.figshare.19308407.

Put the files into the data directory as finder/<name>.csv. Each has the columns id, formula, target and cif, the last
one with the whole text of a CIF. Parsing 68,699 of these takes minutes; so the result is cached as HDF5.
"""

from __future__ import annotations

from functools import partial

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import cache_root, file_digest
from common.io.messages import note, report_left_out
from common.sources import jarvis
from common.sources.datadir import place
from common.sources.files import load
from common.sources.filter_log import NEWER, Traced
from common.sources.registry import RowCount
from common.sources.remote.materials_project import traced_recipe

#: File -> name of the target and unit.
SETS = {
    "e_form": ("formation_energy", "eV/atom"),
    "e_dft": ("total_energy", "eV/atom"),
    "e_gap": ("band_gap", "eV"),
    "n": ("n", "1"),
    "log_k": ("log10_K_VRH", "log10(GPa)"),
    "log_g": ("log10_G_VRH", "log10(GPa)"),
}


def finder_set(name: str) -> MaterialsDataset:
    """A dataset of the Finder paper (figshare), structures included."""
    path = place(f"finder/{name}.csv")
    if not path.exists():
        raise UserError(
            f"{path} is not there; run matrepro data get finder-mp-2021, or put the files of "
            f"doi:10.6084/m9.figshare.19308407 into {path.parent}"
        )
    cached = cache_root() / "tables" / f"finder-{name}-{file_digest(path)}.h5"
    if not cached.exists():
        note(f"reading the structures of {path} once; this takes minutes for a large file")
        table, left_out = load(path, target="target", jobs=-1)
        report_left_out(left_out, len(table))
        table.to_hdf5(cached)
    table = MaterialsDataset.from_hdf5(cached)
    target, unit = SETS[name]
    table = table.with_target(target, table.target("target").values, unit)
    table.origin = f"finder-{name}"
    return table.known(target)


def _finder(name: str) -> Traced:
    traced = Traced.of(finder_set(name), f"rows of finder/{name}.csv that can be read")
    return traced.known(SETS[name][0]).fewer_atoms(500)


def _mp_energies() -> Traced:
    traced = traced_recipe("mp-finder").known("formation_energy_per_atom").known("total_energy")
    return traced.lowest_energy("total_energy").fewer_atoms(500)


def _mp_n() -> Traced:
    traced = traced_recipe("mp-dielectric").known("n").between("n", 1, 100).known("formation_energy_per_atom")
    return traced.lowest_energy("formation_energy_per_atom").fewer_atoms(500)


def _mp_moduli() -> Traced:
    traced = traced_recipe("mp-elastic").between("k_vrh", 0, 1000).between("g_vrh", 0, 1000)
    traced = traced.known("formation_energy_per_atom").lowest_energy("formation_energy_per_atom").fewer_atoms(500)
    return traced.unit("GPa to log10(GPa)")


#: Rows in the paper.
ROWS = {"e_form": 68699, "e_dft": 68699, "e_gap": 68699, "n": 3920, "log_k": 7025, "log_g": 7025}
ROW_COUNTS = {
    **{
        f"finder-{name.replace('_', '-')}": RowCount("Finder", name, rows, partial(_finder, name))
        for name, rows in ROWS.items()
    },
    "mp-finder": RowCount("Finder", "E_f, E_DFT, E_g", 68699, _mp_energies, NEWER),
    "mp-dielectric": RowCount("Finder", "n", 3920, _mp_n, NEWER),
    "mp-elastic": RowCount("Finder", "log K, log G", 7025, _mp_moduli, NEWER),
    "jarvis-dielectric": RowCount("Finder", "dielectric functions", 12353, jarvis.traced, "JARVIS grows"),
}
SOURCES = {f"finder-{name.replace('_', '-')}": partial(finder_set, name) for name in SETS}
