"""The datasets of the PROFiT-Net paper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from common.data.materials import MaterialsDataset
from common.sources.datadir import exp_band_gap, exp_formation_enthalpy, mp_structures, rows_of
from common.sources.filter_log import Traced
from common.sources.registry import RowCount
from common.sources.remote.tables import snumat_traced

IDS = "mp/mp_ids_46744.csv"


def profit_pbe_enthalpy() -> MaterialsDataset:
    """The 46,744-id list of the PROFiT-Net release, where structure and formation energy are known."""
    return _listed().known("formation_energy_per_atom")


def profit_pbe_gap() -> MaterialsDataset:
    """The nonmetals of the same list: a gap above zero."""
    dataset = _listed().known("band_gap")
    return dataset.take(np.flatnonzero(dataset.target("band_gap").values > 0))


def _listed() -> MaterialsDataset:
    pack = mp_structures()
    return pack.select(name for name in _ids(IDS, "material_id") if name in pack)


def _ids(file: str, column: str) -> list[str]:
    """The ids of the rows that have one."""
    return [row["material_id"] for row in rows_of(file, "material_id", column) if row["material_id"]]


def _traced_list() -> Traced:
    return Traced("ids of the list", len(_ids(IDS, "material_id"))).to("still in the database", _listed())


def _eps() -> Traced:
    """The released table has no ids; only those that could be recovered without doubt are used."""
    rows = list(rows_of("mp/dielectric.csv", "material_id", "confident"))
    sure = [row["material_id"] for row in rows if row["confident"] == "1"]
    traced = Traced("rows of the released table", len(rows)).count("material recovered without doubt", len(sure))
    traced.count("duplicates averaged", len(set(sure)))
    return traced.to("structure known", mp_structures().known("eps_profitnet"))


def _measured(file: str, column: str, source: Callable[[], MaterialsDataset]) -> Traced:
    ids = _ids(file, column)
    traced = Traced(f"rows of {file}", sum(1 for _ in rows_of(file, "material_id", column)))
    traced.count("with an id", len(ids)).count("duplicates averaged", len(set(ids)))
    return traced.to("structure known", source())


SOURCES = {"profit-pbe-gap": profit_pbe_gap, "profit-pbe-enthalpy": profit_pbe_enthalpy}

PACK = "ids have gone since, and values are of other releases of the database"
ONE_MORE = "one row more, the paper does not name the one that it leaves out"
ROW_COUNTS = {
    "profit-eps": RowCount("PROFiT-Net", "eps", 1217, _eps, "the paper does not say which rows it leaves out"),
    "profit-pbe-gap": RowCount(
        "PROFiT-Net", "Eg_PBE", 21223, lambda: _traced_list().known("band_gap").nonmetals(), PACK
    ),
    "profit-pbe-enthalpy": RowCount(
        "PROFiT-Net", "dHf_PBE", 36837, lambda: _traced_list().known("formation_energy_per_atom"), PACK
    ),
    "snumat-hse": RowCount(
        "PROFiT-Net", "Eg_HSE", 10388, snumat_traced, "the paper takes SNUMAT itself, this is JARVIS' copy"
    ),
    "exp-band-gap": RowCount(
        "PROFiT-Net", "Eg_exp", 465, lambda: _measured("mp/exp_band_gap.csv", "Eg_exp", exp_band_gap), ONE_MORE
    ),
    "exp-formation-enthalpy": RowCount(
        "PROFiT-Net",
        "dHf_exp",
        1127,
        lambda: _measured("mp/exp_formation_enthalpy.csv", "dHf_exp", exp_formation_enthalpy),
        ONE_MORE,
    ),
}
