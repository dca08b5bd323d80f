"""Tables from a data directory: `MATREPRO_DATA`, or `data` in the working folder.

The datasets of single papers are in the `datasets` modules of their packages.

mp/mp_structures.h5               Materials Project structures with DFT properties
mp/exp_band_gap.csv               material_id, Eg_exp: measured gaps
mp/exp_formation_enthalpy.csv     material_id, dHf_exp: measured formation enthalpies
composition/elpasolite_e_form.csv.gz              formula, target: elpasolites, written ABC2D6
composition/matbench_<task>.csv.gz                id, reduced_formula, target, fold: Matbench with its official folds
structures_extra/matbench_phonons.jsonl.gz        the same with structures, one JSON object a line
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.compressed import open_text


def data_root() -> Path:
    return Path(os.environ.get("MATREPRO_DATA", "data"))


def place(name: str) -> Path:
    """The path of a file of the data directory, which need not exist."""
    return data_root() / name


def existing(name: str) -> Path:
    """The same of a file that must be there."""
    path = place(name)
    if not path.exists():
        raise UserError(
            f"{path} is not there; set MATREPRO_DATA to a data directory that has {name}; see matrepro data"
        )
    return path


def mp_structures() -> MaterialsDataset:
    """The structure pack with all its targets; structures are read when asked for."""
    return MaterialsDataset.from_hdf5(existing("mp/mp_structures.h5"))


def mp_sample(n: int) -> MaterialsDataset:
    """Some structures of the pack, drawn at random, to be screened."""
    pack = mp_structures()
    if n > len(pack):
        raise UserError(f"{pack.origin} has {len(pack):,} structures, fewer than the {n:,} asked for")
    return pack.take(np.sort(np.random.default_rng(0).permutation(len(pack))[:n]))


def exp_band_gap() -> MaterialsDataset:
    """Measured band gaps with Materials Project structures."""
    return _measured("mp/exp_band_gap.csv", "Eg_exp", "eV")


def exp_formation_enthalpy() -> MaterialsDataset:
    """Measured formation enthalpies with Materials Project structures."""
    return _measured("mp/exp_formation_enthalpy.csv", "dHf_exp", "eV/atom")


def _measured(name: str, column: str, unit: str) -> MaterialsDataset:
    """A measured target by material id, for the ids whose structure is in the pack. Equal ids are averaged."""
    values: dict[str, list[float]] = {}
    for row in rows_of(name, "material_id", column):
        if row["material_id"] and row[column]:
            try:
                values.setdefault(row["material_id"], []).append(float(row[column]))
            except ValueError:
                raise UserError(f"{existing(name)}: {column} of {row['material_id']} is not a number") from None
    pack = mp_structures()
    ids = [name for name in values if name in pack]
    table = pack.select(ids).with_target(column, np.array([np.mean(values[i]) for i in ids]), unit)
    table.origin = Path(name).name
    return table


def rows_of(name: str, *columns: str) -> Iterator[dict[str, str]]:
    with open_text(existing(name)) as file:
        reader = csv.DictReader(file)
        for column in columns:
            if column not in (reader.fieldnames or ()):
                found = ", ".join(reader.fieldnames or ()) or "none"
                raise UserError(f"{existing(name)} has no column {column!r}; its columns are: {found}")
        yield from reader


def elpasolites(n: int = 0) -> MaterialsDataset:
    """Elpasolites by formula, ABC2D6 as written, less those of neon and argon, of which no compounds are learned.

    n: so many of them, drawn at random; 0 = all.
    """
    rows = list(rows_of("composition/elpasolite_e_form.csv.gz", "formula", "target"))
    rows = [row for row in rows if not {10, 18} & set(parse_formula(row["formula"]))]
    if n:
        rows = [rows[k] for k in np.sort(np.random.default_rng(0).permutation(len(rows))[:n])]
    formulas = [row["formula"] for row in rows]
    table = MaterialsDataset(formulas, formulas, origin="elpasolite_e_form.csv.gz")
    return table.with_target("formation_energy", np.array([float(row["target"]) for row in rows]), "eV/atom")


#: Matbench tasks that are regressions: name -> target and unit.
MATBENCH = {
    "dielectric": ("n", "1"),
    "log_kvrh": ("log10_K_VRH", "log10(GPa)"),
    "log_gvrh": ("log10_G_VRH", "log10(GPa)"),
    "mp_e_form": ("formation_energy", "eV/atom"),
    "mp_gap": ("band_gap", "eV"),
    "phonons": ("last_phdos_peak", "1/cm"),
    "jdft2d": ("exfoliation_energy", "meV/atom"),
    "expt_gap": ("Eg_exp", "eV"),
    "steels": ("yield_strength", "MPa"),
}


def matbench(task: str) -> MaterialsDataset:
    """A Matbench task as formulas, with the official folds as a target `fold`."""
    target, unit = MATBENCH[task]
    rows = list(rows_of(f"composition/matbench_{task}.csv.gz", "id", "reduced_formula", "target", "fold"))
    return _with_folds(
        MaterialsDataset([r["id"] for r in rows], [r["reduced_formula"] for r in rows]), rows, target, unit
    )


def matbench_phonons_structures() -> MaterialsDataset:
    """Matbench `phonons` with its structures."""
    path = existing("structures_extra/matbench_phonons.jsonl.gz")
    with open_text(path) as file:
        rows = [json.loads(line) for line in file]
    crystals = [(row["numbers"], row["lattice"], row["frac"]) for row in rows]
    table = MaterialsDataset.from_structures(
        [row["id"] for row in rows], crystals, formulas=[row["reduced_formula"] for row in rows]
    )
    return _with_folds(table, rows, *MATBENCH["phonons"], origin="matbench-phonons-structures")


def _with_folds(
    table: MaterialsDataset, rows: list[dict], target: str, unit: str, origin: str = ""
) -> MaterialsDataset:
    for name, column, unit_of in ((target, "target", unit), ("fold", "fold", "1")):
        table = table.with_target(name, np.array([float(row[column]) for row in rows]), unit_of)
    table.origin = origin or f"matbench {target}"
    return table


SOURCES = {
    "mp-structures": mp_structures,
    "mp-sample-5000": partial(mp_sample, 5000),
    "exp-band-gap": exp_band_gap,
    "exp-formation-enthalpy": exp_formation_enthalpy,
    **{f"matbench-{task.replace('_', '-')}": partial(matbench, task) for task in MATBENCH},
    "elpasolites": elpasolites,
    "elpasolites-1492": partial(elpasolites, 1492),
    "matbench-phonons-structures": matbench_phonons_structures,
}
