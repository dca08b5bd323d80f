"""A recipe's records, fetched page by page into `<data>/mp_api/<recipe>.h5`.

Every page is a file of its own until the last one is there, so a download that breaks off resumes.
Beside the dataset, `<recipe>.json` has the database version, date, ids that have gone, records left out, and a
hash of the table.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import file_digest, write_text
from common.io.locks import in_turn
from common.io.messages import note
from common.io.progress import progress
from common.sources import datadir, densities
from common.sources.filter_log import Traced
from common.sources.remote import mp_pack, mp_records
from common.sources.remote.mp_client import PAGE, Client
from common.sources.remote.recipes import Recipe, recipe, recipes


def path_of(name: str) -> Path:
    return datadir.place(f"mp_api/{name}.h5")


def get(name: str, client: Client, *, renew: bool = False) -> Path:
    """Fetch a recipe, or what is missing of it."""
    path = path_of(name)
    with in_turn(path.parent / f".{name}.lock", name):
        state = verify(name)
        if renew or state != "whole":
            if state == "damaged":
                note(f"{path} is damaged; fetching it again")
            _fetch(recipe(name), client, path)
    pack(name)
    return path


def _fetch(wanted: Recipe, client: Client, path: Path) -> None:
    parts = _parts(wanted.name) / client.version.replace("/", "-")
    _start(parts, client)
    asked = _asked(wanted, client, parts / "ids.json")
    pages = [asked[start : start + PAGE] for start in range(0, len(asked), PAGE)]
    for k, ids in enumerate(progress(pages, desc=wanted.name, unit="page")):
        if not mp_records.there(parts / f"{k:05}"):
            mp_records.keep(parts / f"{k:05}", wanted, client.page(ids, wanted.fields))
    table, report = mp_records.joined(wanted, asked, [parts / f"{k:05}" for k in range(len(pages))])
    report = {"database": client.version, "date": datetime.now(UTC).strftime("%Y-%m-%d"), **report}
    table.to_hdf5(path)
    write_text(path.with_suffix(".json"), json.dumps({**report, "hash": file_digest(path)}, indent=1) + "\n")
    shutil.rmtree(parts.parent)
    _say(wanted.name, report)


def pack(name: str) -> None:
    """Make the structure pack of all queries that are there, if this one belongs into it."""
    if recipe(name).pack:
        with in_turn(datadir.place(mp_pack.PACK).with_name(".pack.lock"), mp_pack.PACK):
            there = [one.name for one in recipes().values() if one.pack and verify(one.name) == "whole"]
            mp_pack.write({one: path_of(one) for one in there})


def _parts(name: str) -> Path:
    return path_of(name).with_suffix(".parts")


def state_of(name: str) -> str:
    """By the names of the files alone; `verify` looks into them."""
    return "fetched" if path_of(name).exists() else "in part" if _parts(name).exists() else "not fetched"


def verify(name: str) -> str:
    """ "whole", "damaged" or "not fetched", without any network. A copy placed by hand need not have its record."""
    path, known = path_of(name), report(name)
    if not path.exists() or (not known and _parts(name).exists()):  # killed before it had written the record
        return "not fetched"
    if known.get("hash"):
        return "whole" if file_digest(path) == known["hash"] else "damaged"
    return "whole" if mp_records.opened(path) is not None else "damaged"


def _start(parts: Path, client: Client) -> None:
    """Pages of another version of the database would not fit; they stay where they are."""
    others = [p.name for p in parts.parent.glob("*") if p.name != parts.name and any(p.glob("*.json"))]
    if others:
        note(f"the database is now {client.version}; pages of its version {', '.join(others)} are not used")
    parts.mkdir(parents=True, exist_ok=True)


def _asked(wanted: Recipe, client: Client, path: Path) -> list[str]:
    """The ids to ask for, in a fixed order: those of the lists, or those that meet the query."""
    if path.exists():
        return json.loads(path.read_text())
    if wanted.lists:
        found = list(dict.fromkeys(name for file in wanted.lists for name in _listed(file)))
    else:
        formulas = {name: text for criteria in wanted.queries() for name, text in client.ids(criteria).items()}
        found = sorted(name for name, text in formulas.items() if wanted.wants(text))
    if not found:
        raise UserError(f"{wanted.name}: the Materials Project has nothing that meets this query")
    write_text(path, json.dumps(found))
    return found


def _listed(file: str) -> Iterable[str]:
    path = datadir.place(file)
    if not path.exists():
        raise UserError(f"{path} is not there; run matrepro data get profit-lists first")
    with open(path, newline="") as rows:
        return [row["material_id"] for row in csv.DictReader(rows) if row["material_id"]]


def _say(name: str, report: dict) -> None:
    note(f"{name}: {report['found']:,} of {report['asked']:,} materials, database {report['database']}")
    gone = report["vanished"]
    if gone:
        shown = ", ".join(gone[:5]) + (" ..." if len(gone) > 5 else "")
        note(
            f"{name}: the database has {len(gone):,} of the ids no more: {shown}; {path_of(name).with_suffix('.json')}"
        )


def report(name: str) -> dict:
    """What the last fetch of a recipe said, {} before there was one and for a copy that came without."""
    path = path_of(name).with_suffix(".json")
    try:
        return json.loads(path.read_text()) if path.exists() else {}
    except ValueError:
        raise UserError(f"{path} is damaged; delete it and give the same command again") from None


def _source(name: str):
    def load() -> MaterialsDataset:
        path = path_of(name)
        if not path.exists():
            raise UserError(f"{path} is not there; run matrepro data get {name} (it needs a key of your own)")
        table = mp_records.opened(path)
        if table is None:
            raise UserError(f"{path} is damaged; run matrepro data get {name}")
        table.origin = name
        return table

    load.__doc__ = f"Materials Project: {recipe(name).title}."
    return load


def densities_of(name: str) -> Path:
    """The folder of a recipe's densities of states, files of some hundred materials each."""
    return datadir.place(f"mp_api/{name}-densities")


def esnet_densities() -> MaterialsDataset:
    """Materials Project: densities of states of relaxed structures with formation energies, as ESNet learns them."""
    folder = densities_of("mp-esnet")
    if not any(folder.glob("*.h5")):
        raise UserError(f"{folder} is empty; run matrepro data get mp-esnet (it needs a key of your own)")
    return densities.load_folder(folder, origin="mp-esnet-densities")


def traced_recipe(name: str) -> Traced:
    """From the ids that were asked for to the dataset of a query."""
    asked_for, dataset = report(name), SOURCES[name]()
    if not asked_for:
        return Traced.of(dataset, "materials of a copy that came without its record")
    there = asked_for["asked"] - len(asked_for["vanished"])
    heavy = sum("deuterium" in reason for reason in asked_for["left_out"].values())
    traced = Traced(f"ids, database {asked_for['database']} on {asked_for['date']}", asked_for["asked"])
    traced.count("still in the database", there).count("without deuterium", there - heavy)
    return traced.to("with a structure, no shared sites", dataset)


SOURCES = {**{name: _source(name) for name in recipes()}, "mp-esnet-densities": esnet_densities}
