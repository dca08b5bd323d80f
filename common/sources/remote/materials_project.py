"""A recipe's records, fetched page by page into `<data>/mp_api/<recipe>.h5`.

Every page is a file of its own until the last one is there, so a download that breaks off goes on where it stopped.
Beside the table lies `<recipe>.json`: version of the database, date, ids that it has no more, records left out.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from common.crystal import Crystal
from common.elements import NUMBERS
from common.errors import UserError
from common.formula import ISOTOPES
from common.hdf5 import write_text
from common.locks import in_turn
from common.materials import MaterialsTable, Target
from common.printing import note
from common.progress import progress
from common.sources import datadir, densities
from common.sources.remote import mp_pack
from common.sources.remote.mp_client import PAGE, Client
from common.sources.remote.recipes import Recipe, recipe, recipes

#: Field -> name of the target and unit. Moduli are the Voigt-Reuss-Hill means.
TARGETS = {
    "formation_energy_per_atom": ("formation_energy_per_atom", "eV/atom"),
    "band_gap": ("band_gap", "eV"),
    "energy_above_hull": ("hull_distance", "eV/atom"),
    "energy_per_atom": ("total_energy", "eV/atom"),
    "e_electronic": ("eps_electronic", "1"),
    "e_ionic": ("eps_ionic", "1"),
    "e_total": ("eps_total", "1"),
    "n": ("n", "1"),
    "bulk_modulus": ("k_vrh", "GPa"),
    "shear_modulus": ("g_vrh", "GPa"),
}


def path_of(name: str) -> Path:
    return datadir.place(f"mp_api/{name}.h5")


def get(name: str, client: Client, *, renew: bool = False) -> Path:
    """Fetch a recipe, or what is missing of it."""
    path, wanted = path_of(name), recipe(name)
    with in_turn(path.parent / f".{name}.lock", name):
        if path.exists() and not renew:
            return path
        parts = path.parent / f"{name}.parts" / client.version.replace("/", "-")
        _start(parts, client)
        asked = _asked(wanted, client, parts / "ids.json")
        pages = [asked[start : start + PAGE] for start in range(0, len(asked), PAGE)]
        for k, ids in enumerate(progress(pages, desc=name, unit="page")):
            if not (parts / f"{k:05}.json").exists():
                _keep(parts / f"{k:05}", wanted, client.page(ids, wanted.fields))
        table, report = _joined(wanted, asked, [parts / f"{k:05}" for k in range(len(pages))])
        report = {"database": client.version, "date": datetime.now(UTC).strftime("%Y-%m-%d"), **report}
        table.to_hdf5(path)
        write_text(path.with_suffix(".json"), json.dumps(report, indent=1) + "\n")
        shutil.rmtree(parts.parent)
        _say(name, report)
    if wanted.pack:
        mp_pack.write({name: path_of(name) for name, one in recipes().items() if one.pack and path_of(name).exists()})
    return path


def _start(parts: Path, client: Client) -> None:
    """Pages of another version of the database would not fit; they stay where they are."""
    others = [p.name for p in parts.parent.glob("*") if p.name != parts.name and any(p.glob("*.json"))]
    if others:
        note(f"the database is now {client.version}; pages of its version {', '.join(others)} are not used")
    parts.mkdir(parents=True, exist_ok=True)


def _asked(wanted: Recipe, client: Client, kept: Path) -> list[str]:
    """The ids to ask for, in a fixed order: those of the lists, or those that meet the query."""
    if kept.exists():
        return json.loads(kept.read_text())
    if wanted.lists:
        found = list(dict.fromkeys(name for file in wanted.lists for name in _listed(file)))
    else:
        formulas = {name: text for criteria in wanted.queries() for name, text in client.ids(criteria).items()}
        found = sorted(name for name, text in formulas.items() if wanted.wants(text))
    if not found:
        raise UserError(f"{wanted.name}: the Materials Project has nothing that meets this query")
    write_text(kept, json.dumps(found))
    return found


def _listed(file: str) -> Iterable[str]:
    path = datadir.place(file)
    if not path.exists():
        raise UserError(f"{path} is not there; run matrepro data get profit-lists first")
    with open(path, newline="") as rows:
        return [row["material_id"] for row in csv.DictReader(rows) if row["material_id"]]


def _keep(part: Path, wanted: Recipe, records: Sequence[dict]) -> None:
    """A page as a table, and what it left out as JSON, which is written last and says that the page is there."""
    crystals, kept, left_out = [], [], {}
    for record in records:
        try:
            crystals.append(crystal_of(record.get("structure")))
            kept.append(record)
        except UserError as error:
            left_out[str(record["material_id"])] = str(error)
    targets = {
        TARGETS[field][0]: Target(np.array([_value(record.get(field)) for record in kept]), TARGETS[field][1])
        for field in wanted.fields
    }
    names, formulas = ([str(record[key]) for record in kept] for key in ("material_id", "formula_pretty"))
    MaterialsTable.from_structures(names, crystals, targets, formulas=formulas).to_hdf5(part.with_suffix(".h5"))
    write_text(part.with_suffix(".json"), json.dumps({"left_out": left_out}) + "\n")


def _joined(wanted: Recipe, asked: Sequence[str], parts: Sequence[Path]) -> tuple[MaterialsTable, dict]:
    tables = [MaterialsTable.from_hdf5(part.with_suffix(".h5")) for part in parts]
    left_out = {
        k: v for part in parts for k, v in json.loads(part.with_suffix(".json").read_text())["left_out"].items()
    }
    names = [name for table in tables for name in table.ids.tolist()]
    if not names:
        raise UserError(f"{wanted.name}: of {len(asked)} ids the Materials Project has none any more")
    targets = {
        name: Target(np.concatenate([table.target(name).values for table in tables]), unit)
        for name, unit in (TARGETS[field] for field in wanted.fields)
    }
    table = MaterialsTable.from_structures(
        names,
        [crystal for table in tables for crystal in table.structures()],
        targets,
        formulas=[text for table in tables for text in table.formulas.tolist()],
        origin=wanted.name,
    )
    gone = [name for name in asked if name not in table and name not in left_out]
    table = table.select(name for name in asked if name in table)  # the service answers in an order of its own
    return table, {"asked": len(asked), "found": len(names), "vanished": gone, "left_out": left_out}


def crystal_of(structure: dict | None) -> Crystal:
    """A record's structure, the dictionary of a pymatgen `Structure`."""
    if not structure:
        raise UserError("its record has no structure")
    if hasattr(structure, "as_dict"):
        structure = structure.as_dict()
    numbers = []
    for site in structure["sites"]:
        species = site["species"]
        symbol = species[0]["element"]
        if len(species) > 1 or species[0].get("occu", 1) != 1:
            raise UserError("has sites that several elements share")
        if symbol in ISOTOPES:
            raise UserError(f"holds {ISOTOPES[symbol]} ({symbol}), which no model here knows")
        numbers.append(NUMBERS[symbol])
    frac = np.array([site["abc"] for site in structure["sites"]], dtype=float)
    return Crystal(np.array(numbers), np.array(structure["lattice"]["matrix"], dtype=float), frac)


def _value(found) -> float:
    found = found.get("vrh") if isinstance(found, dict) else found
    return float("nan") if found is None else float(found)


def _say(name: str, report: dict) -> None:
    note(f"{name}: {report['found']:,} of {report['asked']:,} materials, database {report['database']}")
    gone = report["vanished"]
    if gone:
        shown = ", ".join(gone[:5]) + (" ..." if len(gone) > 5 else "")
        note(
            f"{name}: the database has {len(gone):,} of the ids no more: {shown}; {path_of(name).with_suffix('.json')}"
        )


def report(name: str) -> dict:
    """What the last fetch of a recipe said, {} before there was one."""
    path = path_of(name).with_suffix(".json")
    return json.loads(path.read_text()) if path.exists() else {}


def _source(name: str):
    def load() -> MaterialsTable:
        path = path_of(name)
        if not path.exists():
            raise UserError(f"{path} is not there; run matrepro data get {name} (it needs a key of your own)")
        table = MaterialsTable.from_hdf5(path)
        table.origin = name
        return table

    load.__doc__ = f"Materials Project: {recipe(name).title}."
    return load


def densities_of(name: str) -> Path:
    """The folder of a recipe's densities of states, files of some hundred materials each."""
    return datadir.place(f"mp_api/{name}-densities")


def esnet_densities() -> MaterialsTable:
    """Materials Project: densities of states of relaxed structures with formation energies, as ESNet learns them."""
    folder = densities_of("mp-esnet")
    if not any(folder.glob("*.h5")):
        raise UserError(f"{folder} is empty; run matrepro data get mp-esnet (it needs a key of your own)")
    return densities.load_folder(folder, origin="mp-esnet-densities")


SOURCES = {**{name: _source(name) for name in recipes()}, "mp-esnet-densities": esnet_densities}
