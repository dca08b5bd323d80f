"""Tables from a data directory: `MATREPRO_DATA`, or `data` in the working folder.

mp/mp_structures.h5               Materials Project structures with DFT properties
mp/exp_band_gap.csv               material_id, Eg_exp: measured gaps
mp/exp_formation_enthalpy.csv     material_id, dHf_exp: measured formation enthalpies
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.materials import MaterialsTable


def data_root() -> Path:
    return Path(os.environ.get("MATREPRO_DATA", "data"))


def _path(name: str) -> Path:
    path = data_root() / name
    if not path.exists():
        raise UserError(f"{path} is not there; set MATREPRO_DATA to a data directory that has {name}")
    return path


def mp_structures() -> MaterialsTable:
    """The structure pack with all its targets; structures are read when asked for."""
    return MaterialsTable.from_hdf5(_path("mp/mp_structures.h5"))


def exp_band_gap() -> MaterialsTable:
    """Measured band gaps with Materials Project structures."""
    return _measured("mp/exp_band_gap.csv", "Eg_exp", "eV")


def exp_formation_enthalpy() -> MaterialsTable:
    """Measured formation enthalpies with Materials Project structures."""
    return _measured("mp/exp_formation_enthalpy.csv", "dHf_exp", "eV/atom")


def _measured(name: str, column: str, unit: str) -> MaterialsTable:
    """A measured target by material id, for the ids whose structure is in the pack. Equal ids are averaged."""
    values: dict[str, list[float]] = {}
    for row in _rows(name, "material_id", column):
        if row["material_id"] and row[column]:
            try:
                values.setdefault(row["material_id"], []).append(float(row[column]))
            except ValueError:
                raise UserError(f"{_path(name)}: {column} of {row['material_id']} is not a number") from None
    pack = mp_structures()
    ids = [name for name in values if name in pack]
    table = pack.select(ids).with_target(column, np.array([np.mean(values[i]) for i in ids]), unit)
    table.origin = Path(name).name
    return table


def _rows(name: str, *columns: str) -> Iterator[dict[str, str]]:
    with open(_path(name), newline="") as file:
        reader = csv.DictReader(file)
        for column in columns:
            if column not in (reader.fieldnames or ()):
                found = ", ".join(reader.fieldnames or ()) or "none"
                raise UserError(f"{_path(name)} has no column {column!r}; its columns are: {found}")
        yield from reader


def profit_pbe_enthalpy() -> MaterialsTable:
    """The 46,744-id list of the PROFiT-Net release, where structure and formation energy are known."""
    return _listed().known("formation_energy_per_atom")


def profit_pbe_gap() -> MaterialsTable:
    """The nonmetals of the same list: a gap above zero."""
    table = _listed().known("band_gap")
    return table.take(np.flatnonzero(table.target("band_gap").values > 0))


def _listed() -> MaterialsTable:
    pack = mp_structures()
    listed = (row["material_id"] for row in _rows("mp/mp_ids_46744.csv", "material_id"))
    return pack.select(name for name in listed if name in pack)


SOURCES = {
    "profit-pbe-gap": profit_pbe_gap,
    "profit-pbe-enthalpy": profit_pbe_enthalpy,
    "mp-structures": mp_structures,
    "exp-band-gap": exp_band_gap,
    "exp-formation-enthalpy": exp_formation_enthalpy,
}
