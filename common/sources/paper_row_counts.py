"""From the rows of a source to those of a paper's data set, step by step with counts: `matrepro data info NAME`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from common.chem.elements import F_BLOCK
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.sources import datadir, densities, finder_sets, jarvis
from common.sources.filter_log import Traced
from common.sources.remote import materials_project, tables


@dataclass(frozen=True)
class Trace:
    """How a set comes about. what: the paper's name of it. rows: the paper's count. why: what explains a difference."""

    paper: str
    what: str
    rows: int
    follow: Callable[[], Traced]
    why: str = ""


def _listed(name: str, column: str) -> list[str]:
    return [row["material_id"] for row in datadir.rows_of(name, "material_id", column) if row["material_id"]]


def _measured(name: str, column: str, source: Callable[[], MaterialsDataset]) -> Traced:
    listed = _listed(name, column)
    traced = Traced(f"rows of {name}", sum(1 for _ in datadir.rows_of(name, "material_id", column)))
    traced.count("with an id", len(listed)).count("duplicates averaged", len(set(listed)))
    return traced.to("structure known", source())


def _profit() -> Traced:
    listed = _listed("mp/mp_ids_46744.csv", "material_id")
    pack = datadir.mp_structures()
    found = pack.select(name for name in listed if name in pack)
    return Traced("ids of the list", len(listed)).to("still in the database", found)


def _enthalpies() -> Traced:
    return _profit().known("formation_energy_per_atom")


def _gaps() -> Traced:
    return _profit().known("band_gap").nonmetals()


def _eps() -> Traced:
    """The released table has no ids; those that could be recovered without doubt are used."""
    rows = list(datadir.rows_of("mp/dielectric.csv", "material_id", "confident"))
    sure = [row["material_id"] for row in rows if row["confident"] == "1"]
    traced = Traced("rows of the released table", len(rows)).count("material recovered without doubt", len(sure))
    traced.count("duplicates averaged", len(set(sure)))
    return traced.to("structure known", datadir.mp_structures().known("eps_profitnet"))


def _binaries() -> Traced:
    traced = Traced.of(datadir.mp_structures(), "structures of the pack")
    return traced.nonmetals().elements(2, (8, 16, 9, 7))


def _isdos() -> Traced:
    traced = Traced.of(densities.load(datadir.existing("dos/isdos_2eorr_gpaw.h5")), "materials with densities")
    return traced.at_most("formation_energy", datadir.HIGHEST)


def _finder(name: str) -> Traced:
    table = finder_sets.finder_set(name)
    traced = Traced.of(table, f"rows of finder/{name}.csv that can be read")
    target = finder_sets.SETS[name][0]
    return traced.known(target).fewer_atoms(500)


def _recipe(name: str) -> Traced:
    report = materials_project.report(name)
    table = materials_project.SOURCES[name]()
    if not report:
        return Traced.of(table, "materials of a copy that came without its record")
    there = report["asked"] - len(report["vanished"])
    heavy = sum("deuterium" in reason for reason in report["left_out"].values())
    asked = Traced(f"ids, database {report['database']} on {report['date']}", report["asked"])
    asked.count("still in the database", there).count("without deuterium", there - heavy)
    return asked.to("with a structure, no shared sites", table)


def _mp_energies() -> Traced:
    traced = _recipe("mp-finder").known("formation_energy_per_atom").known("total_energy")
    return traced.lowest_energy("total_energy").fewer_atoms(500)


def _mp_n() -> Traced:
    traced = _recipe("mp-dielectric").known("n").between("n", 1, 100).known("formation_energy_per_atom")
    return traced.lowest_energy("formation_energy_per_atom").fewer_atoms(500)


def _mp_moduli() -> Traced:
    traced = _recipe("mp-elastic").between("k_vrh", 0, 1000).between("g_vrh", 0, 1000)
    traced = traced.known("formation_energy_per_atom").lowest_energy("formation_energy_per_atom").fewer_atoms(500)
    return traced.unit("GPa to log10(GPa)")


def _mp_esnet() -> Traced:
    traced = _recipe("mp-esnet").without(F_BLOCK, "f elements").known("formation_energy_per_atom")
    with_densities = set(materials_project.esnet_densities().ids.tolist())
    there = np.array([name in with_densities for name in traced.table.ids.tolist()])
    return traced.keep("projected densities there", there).at_most("formation_energy_per_atom", datadir.HIGHEST)


def _mp_binaries() -> Traced:
    return _recipe("mp-binaries").nonmetals()


def _snumat() -> Traced:
    return tables.snumat_traced()


def _jarvis() -> Traced:
    return jarvis.traced()


NEWER = "the database of today has lost ids of the paper's and moved others"
PACK = "ids have gone since, and values are of other releases of the database"
TRACES = {
    "profit-eps": Trace("PROFiT-Net", "eps", 1217, _eps, "the paper does not say which rows it leaves out"),
    "profit-pbe-gap": Trace("PROFiT-Net", "Eg_PBE", 21223, _gaps, PACK),
    "profit-pbe-enthalpy": Trace("PROFiT-Net", "dHf_PBE", 36837, _enthalpies, PACK),
    "snumat-hse": Trace("PROFiT-Net", "Eg_HSE", 10388, _snumat, "the paper takes SNUMAT itself, this is JARVIS' copy"),
    "exp-band-gap": Trace(
        "PROFiT-Net",
        "Eg_exp",
        465,
        lambda: _measured("mp/exp_band_gap.csv", "Eg_exp", datadir.exp_band_gap),
        "one row more, the paper does not name the one that it leaves out",
    ),
    "exp-formation-enthalpy": Trace(
        "PROFiT-Net",
        "dHf_exp",
        1127,
        lambda: _measured("mp/exp_formation_enthalpy.csv", "dHf_exp", datadir.exp_formation_enthalpy),
        "one row more, the paper does not name the one that it leaves out",
    ),
    "diffcomp-binaries": Trace("diffcomp", "binaries", 1524, _binaries, NEWER),
    "mp-binaries": Trace("diffcomp", "binaries", 1524, _mp_binaries, NEWER),
    "isdos-2eorr": Trace("ESNet", "test", 7168, _isdos, "densities were computed for the smallest cells alone"),
    "mp-esnet": Trace("ESNet", "training", 62842, _mp_esnet, NEWER),
    **{
        f"finder-{name.replace('_', '-')}": Trace("Finder", name, rows, lambda name=name: _finder(name))
        for name, rows in zip(finder_sets.SETS, (68699, 68699, 68699, 3920, 7025, 7025), strict=True)
    },
    "mp-finder": Trace("Finder", "E_f, E_DFT, E_g", 68699, _mp_energies, NEWER),
    "mp-dielectric": Trace("Finder", "n", 3920, _mp_n, NEWER),
    "mp-elastic": Trace("Finder", "log K, log G", 7025, _mp_moduli, NEWER),
    "jarvis-dielectric": Trace("Finder", "dielectric functions", 12353, _jarvis, "JARVIS grows"),
}


def trace(name: str) -> Traced:
    if name not in TRACES:
        raise UserError(f"no steps are known of {name!r}; they are of: {', '.join(TRACES)}")
    return TRACES[name].follow()
