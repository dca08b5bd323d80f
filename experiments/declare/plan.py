"""From a YAML declaration to runs: every setting is resolved before anything is executed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from common.errors import UserError, unknown
from experiments.declare.folders import folder_of, folders_of_papers
from experiments.declare.layout import names_of_tables, resolve, table_of, taken_from
from experiments.declare.located_yaml import read
from experiments.declare.models import is_network, make_model, preset
from experiments.declare.read import read_declaration
from experiments.declare.schema import Column, ContentsEntry, Declaration, Layout, Row

#: A folder a paper: tables.yaml, reported.yaml, bands.yaml.
PAPERS = Path(__file__).parents[1] / "papers"
SCALES = ("mini", "real", "paper")


@dataclass(frozen=True)
class Run:
    """A unit of work: one row, column and seed of a table at one scale."""

    paper: str
    table: str
    scale: str
    column: str
    row: str
    seed: int
    settings: dict[str, Any]
    #: Runs with another number of epochs than declared are stored apart and never reach a committed table.
    epochs: int | None = None

    @property
    def key(self) -> str:
        top = f"{self.scale}-{self.epochs}-epochs" if self.epochs else self.scale
        return "/".join((top, self.paper, self.table, slug(self.column), slug(self.row), f"seed-{self.seed}"))

    def digest(self) -> str:
        """A hash of everything the result depends on, the model's defaults included: a stored result with another
        hash is out of date."""
        data = {name: self.settings[name] for name in ("source", "target", "split")}
        data |= {name: self.settings[name] for name in ("also",) if name in self.settings}
        whole = {**data, "model": make_model(self.settings).settings()}
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]


def slug(text: str) -> str:
    """A name as part of a path."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", text).strip("-")


def papers() -> list[str]:
    """The papers of the suite and those in the folders of `MATREPRO_PAPERS`."""
    return list(folders_of_papers(PAPERS))


def folder(paper: str) -> Path:
    """The folder with tables.yaml, reported.yaml and bands.yaml of a paper."""
    return folder_of(paper, PAPERS)


@lru_cache
def declaration(paper: str) -> Declaration:
    """The checked declaration of a paper."""
    return read_declaration(folder(paper), folder)


@lru_cache
def reported(paper: str) -> dict[str, Any]:
    """The numbers printed in the paper: table -> row -> metric -> {value: ...}; none where nothing is printed."""
    path = folder(paper) / "reported.yaml"
    return read(path)["tables"] if path.exists() else {}


def article(paper: str) -> dict[str, Any]:
    """What is known of the paper itself, such as title and doi."""
    return {key: value for key, value in read(folder(paper) / "reported.yaml").items() if key != "tables"}


def printed(paper: str, where: str | Mapping[str, str] | None) -> dict[str, Any]:
    """What the paper reports for one of our columns: unit, and rows -> metric -> {value: ...}.

    where: a table of reported.yaml whose rows hold metrics; {table, column} of one whose rows hold columns; {table,
    prefix} of one whose columns are named prefix_metric; {table} alone makes each of its entries a row, named
    row/column; None: nothing is reported.
    """
    if where is None:
        return {}
    if isinstance(where, str):
        return reported(paper).get(where, {})
    table = reported(paper)[where["table"]]
    if "prefix" in where:
        names = {f"{where['prefix']}_{m.replace(':', '_over_')}": m for m in ("MAE", "RMSE", "R2", "MAD:MAE")}
        rows = {row: {m: cells[n] for n, m in names.items() if n in cells} for row, cells in table["rows"].items()}
        unit = next(
            (cells[n]["unit"] for cells in table["rows"].values() for n in names if "unit" in cells.get(n, {})), ""
        )
        return {"unit": table.get("unit", unit), "rows": rows}
    metric = table.get("metric", "MAE")
    if "column" in where:
        columns = table["columns"]
        unit = columns[where["column"]]["unit"] if isinstance(columns, dict) else table["unit"]
        rows = {row: {metric: cells[where["column"]]} for row, cells in table["rows"].items()}
    else:
        unit = table["unit"]
        rows = {f"{row}/{name}": {metric: cell} for row, cells in table["rows"].items() for name, cell in cells.items()}
    return {"unit": unit, "rows": rows}


def contents(paper: str) -> dict[str, ContentsEntry]:
    """Every table and figure of the paper: what it shows, and what makes it (tables, command) or why it is open."""
    return declaration(paper).get("contents", {})


def tables(paper: str, scale: str = "") -> list[str]:
    """The paper's tables, those at a scale if one is given; `check`, the table of `make check`, is none of them."""
    return names_of_tables(declaration(paper), scale)


def elsewhere(paper: str, scale: str) -> dict[str, list[str]]:
    """The paper's tables that are not declared at a scale, with the scales at which they are."""
    here = tables(paper, scale)
    return {name: list(table_of(declaration(paper), name)["scales"]) for name in tables(paper) if name not in here}


def layout(paper: str, table: str, scale: str) -> Layout:
    """The declaration of one table at one scale; what a table leaves out it takes from the top of the file."""
    return resolve(declaration(paper), table, scale)


def runs(
    paper: str,
    table: str,
    scale: str,
    *,
    seeds: int | None = None,
    epochs: int | None = None,
    only: Sequence[str] = (),
) -> list[Run]:
    """All runs of a table, each once. `seeds` and `epochs` override the declared budget; `only`: of these rows."""
    plan = layout(paper, table, scale)
    rows, columns = plan.get("rows", {}), plan.get("columns", {})
    for row in only:
        if row not in rows:
            raise UserError(f"{paper} {table}: {unknown('row', row, rows)}")
    places = ((column, row) for column in columns for row in only or rows)
    every = (run for place in places for run in runs_of(paper, table, scale, *place, seeds=seeds, epochs=epochs))
    return list({run.key: run for run in every}.values())


def runs_of(
    paper: str, table: str, scale: str, column: str, row: str, *, seeds: int | None = None, epochs: int | None = None
) -> list[Run]:
    """The runs that one row of one column shows.

    Those of a derived table are runs of the table that it is `derived_from`, those of a column with `trained_in` are
    that column's, and those that are `taken_from` another table are not run again here.
    """
    plan = layout(paper, table, scale)
    if "derived_from" in plan:
        return runs_of(paper, plan["derived_from"], scale, column, row, seeds=seeds, epochs=epochs)
    data, model = plan.get("columns", {})[column], plan.get("rows", {})[row]
    if reason(data, row, model):
        return []
    if "trained_in" in data:
        return runs_of(paper, table, scale, data["trained_in"], row, seeds=seeds, epochs=epochs)
    declared = plan.get("seeds", {}).get(row, data.get("seeds", []))
    wanted = declared if seeds is None else range(seeds)
    for taken in taken_from(data):
        if row in taken["rows"]:
            place = (taken["paper"], taken["table"], scale, taken["column"], taken["rows"][row])
            return [run for run in runs_of(*place, seeds=seeds, epochs=epochs) if run.seed in wanted]
    return [Run(paper, table, scale, column, row, n, _settings(plan, data, model, n, epochs), epochs) for n in wanted]


def reason(data: Column, row: str, model: Row) -> str:
    """Why a row has no runs in a column; empty where it has. What is said of this row in this column goes first."""
    named = (why for why, rows in data.get("excluded", {}).items() if row in rows)
    return next(named, "") or data.get("open") or model.get("open") or ""


def shown(data: Column) -> str:
    """The name of the predictions that a column with `trained_in` shows; empty for a column of its own."""
    return data.get("shows", "") if "trained_in" in data else ""


def _settings(plan: Layout, data: Column, model: Row, seed: int, epochs: int | None) -> dict[str, Any]:
    """All that a run depends on; names of these settings are hashed into stored results."""
    network = is_network(model)
    settings: dict[str, Any] = {
        "source": data.get("source"),
        "target": data.get("target"),
        "split": {**plan.get("split", {}), **data.get("split", {})},
        "model": model.get("model"),
        "variant": model.get("variant", "corrected" if network else None),
        "recipe": _recipe(plan, data, model, epochs) if network else {},
        "seed": seed,
    }
    config = {**(plan.get("config", {}) if network else {}), **model.get("config", {})}
    if config:
        settings["config"] = config
    if "also_predicts" in data:
        settings["also"] = dict(data["also_predicts"])
    return settings


def _recipe(plan: Layout, data: Column, model: Row, epochs: int | None) -> dict[str, Any]:
    """The changes to the model's recipe: those of a preset, then those declared; a row goes before column and table."""
    recipe = {**plan.get("recipe", {}), **data.get("recipe", {}), **model.get("recipe", {})}
    if name := recipe.pop("preset", ""):
        recipe = {**preset(model.get("model", ""), name), **recipe}
    return recipe | ({"epochs": epochs} if epochs else {})
