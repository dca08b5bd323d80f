"""From a YAML declaration to cells: every run with all its settings resolved, before anything is run."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from common.errors import UserError
from experiments.declare.models import NETWORKS, make_model

#: A folder a paper: tables.yaml, reported.yaml, bands.yaml.
PAPERS = Path(__file__).parents[1] / "papers"
SCALES = ("mini", "real", "paper")


@dataclass(frozen=True)
class Run:
    """One row, one column, one seed of a table at one scale."""

    paper: str
    table: str
    scale: str
    column: str
    row: str
    seed: int
    settings: dict
    #: Runs with another number of epochs than declared are kept apart and never reach a committed table.
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


@lru_cache
def declaration(paper: str) -> dict:
    path = PAPERS / paper / "tables.yaml"
    if not path.exists():
        raise UserError(f"no tables are declared for {paper!r}; there are: {', '.join(papers())}")
    import yaml  # not there on a machine that only trains

    return yaml.safe_load(path.read_text())


def printed(paper: str, where: str | dict | None) -> dict:
    """What the paper prints of one column of ours: unit, and rows -> metric -> {value: ...}.

    where: a table whose rows hold metrics; {table, column} of one whose rows hold columns; {table, prefix} of one whose
    columns are named prefix_metric; {table} alone makes each of its cells a row, named row/column; nothing, nothing.
    """
    if where is None:
        return {}
    if not isinstance(where, dict):
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


def papers() -> list[str]:
    return sorted(path.parent.name for path in PAPERS.glob("*/tables.yaml"))


def contents(paper: str) -> dict[str, dict]:
    """Every table and figure of the paper: what it shows, and what makes it (tables, command) or why it is open."""
    return declaration(paper).get("contents", {})


@lru_cache
def reported(paper: str) -> dict:
    """The numbers printed in the paper: table -> row -> metric -> {value: ...}."""
    import yaml

    return yaml.safe_load((PAPERS / paper / "reported.yaml").read_text())["tables"]


def tables(paper: str, scale: str = "") -> list[str]:
    """The paper's tables, those at a scale if one is given; `check`, the cells of `make check`, is none of them."""
    declared = declaration(paper)["tables"]
    return [name for name in declared if name != "check" and (not scale or scale in declared[name]["scales"])]


def elsewhere(paper: str, scale: str) -> dict[str, list[str]]:
    """The paper's tables that are not declared at a scale, with those at which they are."""
    there = tables(paper, scale)
    return {name: list(declaration(paper)["tables"][name]["scales"]) for name in tables(paper) if name not in there}


def layout(paper: str, table: str, scale: str) -> dict:
    """The declaration of one table at one scale; what a table leaves out it takes from the top of the file.

    A derived table takes columns, split and recipe from the table that it is made `of`, and of its rows those that it
    `uses`.
    """
    if table not in (*tables(paper), "check"):
        raise UserError(f"{paper} has no table {table!r}; it has: {', '.join(tables(paper))}")
    whole = declaration(paper)["tables"][table]
    if scale not in whole["scales"]:
        raise UserError(f"{paper} {table} is not declared at scale {scale!r}; it is at: {', '.join(whole['scales'])}")
    top = {"rows": declaration(paper)["rows"], "own": declaration(paper).get("own", "")}
    if "of" in whole:
        top = {name: value for name, value in layout(paper, whole["of"], scale).items() if name != "note"}
        top["rows"] = {row: top["rows"][row] for row in whole["uses"]}
        extra = whole.get("columns", {})
        top["columns"] = {name: {**data, **extra.get(name, {})} for name, data in top["columns"].items()}
        whole = {name: value for name, value in whole.items() if name != "columns"}
    return {**top, **whole, **whole["scales"][scale]}


def runs(paper: str, table: str, scale: str, *, seeds: int | None = None, epochs: int | None = None) -> list[Run]:
    """All cells of a table that can run, each once. `seeds` and `epochs` override the declared budget."""
    plan = layout(paper, table, scale)
    places = ((column, row) for column in plan["columns"] for row in plan["rows"])
    every = (c for place in places for c in runs_of(paper, table, scale, *place, seeds=seeds, epochs=epochs))
    return list({cell.key: cell for cell in every}.values())


def runs_of(
    paper: str, table: str, scale: str, column: str, row: str, *, seeds: int | None = None, epochs: int | None = None
) -> list[Run]:
    """The cells that one row of one column shows.

    Those of a derived table are cells of the table that it is made `of`, those of a column that is made `of` another
    one are that column's, and those that a column takes `from` another table are not run again here.
    """
    plan, budget = layout(paper, table, scale), {"seeds": seeds, "epochs": epochs}
    if "of" in plan:
        return runs_of(paper, plan["of"], scale, column, row, **budget)
    data, model = plan["columns"][column], plan["rows"][row]
    if "of" in data:
        return [] if reason(data, row, model) else runs_of(paper, table, scale, data["of"], row, **budget)
    if reason(data, row, model):
        return []
    wanted = plan.get("seeds", {}).get(row, data["seeds"])
    wanted = wanted if seeds is None else range(seeds)
    taken = data.get("from", {})
    if row in taken.get("rows", {}):
        place = (taken["paper"], taken["table"], scale, taken["column"], taken["rows"][row])
        return [cell for cell in runs_of(*place, **budget) if cell.seed in wanted]
    return [Run(paper, table, scale, column, row, n, _settings(plan, data, model, n, epochs), epochs) for n in wanted]


def reason(data: dict, row: str, model: dict) -> str:
    """Why a row has no cells in a column; empty where it has. What is said of this row in this column goes first."""
    named = (why for why, rows in data.get("without", {}).items() if row in rows)
    return next(named, "") or data.get("open") or model.get("open") or ""


def shown(data: dict) -> str:
    """The name of the predictions that a column made `of` another one shows; empty for a column of its own."""
    return data["also"] if "of" in data else ""


def _settings(plan: dict, data: dict, model: dict, seed: int, epochs: int | None) -> dict:
    """All that a cell depends on. `also` names further sources that the trained model predicts, as name: source."""
    recipe = {**plan.get("recipe", {}), **data.get("recipe", {}), **model.get("recipe", {})}
    if epochs:
        recipe["epochs"] = epochs
    settings = {
        "source": data["source"],
        "target": data["target"],
        "split": {**plan["split"], **data.get("split", {})},
        "model": model["model"],
        "variant": model.get("variant"),
        "recipe": recipe if model["model"] in NETWORKS else {},
        "seed": seed,
    }
    config = {**(plan.get("config", {}) if model["model"] in NETWORKS else {}), **model.get("config", {})}
    if config:
        settings["config"] = config
    if "also" in data:
        settings["also"] = data["also"]
    return settings
