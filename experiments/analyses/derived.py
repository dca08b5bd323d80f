"""Tables that are made of the stored predictions of another table: errors by group, spreads, changed inputs.

Such a table says of which one it is made (`of`), which of its rows it uses (`uses`) and what makes it (`derived`, a
"module:function"). That function takes a list of `Column`s, the numbers that the paper prints, and the declaration; it
returns `Part`s. Facts of the materials that are not in predictions, such as space groups, come from `facts`, another
"module:function"; they are stored beside the results, so that a table can be printed without the data. So is the
dictionary that a `report`, a third "module:function", gives of data that no cell predicts; the declaration then holds
it as "stored". A report that is made of stored predictions too says `renew`, and is made again each time.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np

from common.data.predictions import Predictions, together
from common.errors import UserError
from common.io.files import replacing, write_text
from common.io.messages import note
from common.io.text import as_csv, as_json
from common.sources import load_source
from experiments.analyses.results import stored_cell
from experiments.declare import plan
from experiments.run.store import folder_of, results_root


@dataclass
class Row:
    """What is stored of one model: all its test parts as one, how many of them there are, and its probes by name."""

    predictions: Predictions
    parts: int
    probes: dict[str, Predictions]


@dataclass
class Column:
    """One data set. `facts`: id, formula, the targets and whatever the declared function adds, an array each."""

    name: str
    target: str
    printed: dict
    folds: int
    rows: dict[str, Row] = field(default_factory=dict)
    facts: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Part:
    """One table of text, with its notes; `head` stands over the first row of every table."""

    title: str
    head: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


def parts(paper: str, table: str, scale: str, **budget) -> list[Part]:
    """The tables of text that this table consists of."""
    layout = _with_report(paper, table, scale)
    return _function(layout["derived"])(columns(paper, table, scale, **budget), plan.reported(paper), layout)


def draw(paper: str, table: str, scale: str, folder: Path) -> list[Path]:
    """The pictures of the table, where it declares a function that draws them."""
    layout = _with_report(paper, table, scale)
    found = columns(paper, table, scale)
    if "picture" not in layout or not (layout.get("stored") or any(column.rows for column in found)):
        return []
    return list(_function(layout["picture"])(found, folder, layout))


def _with_report(paper: str, table: str, scale: str) -> dict:
    layout = plan.layout(paper, table, scale)
    return {**layout, "stored": _stored_report(report_path(paper, table, scale))} if "report" in layout else layout


def columns(paper: str, table: str, scale: str, **budget) -> list[Column]:
    """Everything stored that the table is made of."""
    layout = plan.layout(paper, table, scale)
    made = []
    for name, data in _own(layout).items():
        column = Column(name, data["target"], data.get("printed", {}), layout["split"].get("k", 0))
        column.facts = stored_facts(paper, scale, data["source"]) if "facts" in layout else {}
        for row in layout["rows"]:
            stored = list(_stored(plan.runs_of(paper, table, scale, name, row, **budget)))
            if stored:
                names = set.intersection(*(set(probes) for _, probes in stored))
                probes = {n: together([probes[n] for _, probes in stored]) for n in names}
                column.rows[row] = Row(together([p for p, _ in stored]), len(stored), probes)
        made.append(column)
    return made


def _own(layout: dict) -> dict[str, dict]:
    """The columns with cells of their own, less those that are open."""
    return {name: data for name, data in layout["columns"].items() if "source" in data and "open" not in data}


def _stored(cells) -> Iterator[tuple[Predictions, dict[str, Predictions]]]:
    for cell in cells:
        found = stored_cell(cell)
        if found:
            paths = [p for p in sorted(folder_of(cell).glob("*.csv.gz")) if p.name != "predictions.csv.gz"]
            probes = {p.name.removesuffix(".csv.gz"): Predictions.load(p, found[0].unit) for p in paths}
            yield found[0], probes


# --- facts of the materials ----------------------------------------------------------------------


def facts_path(paper: str, scale: str, source: str) -> Path:
    return results_root() / scale / paper / f"{source}.csv.gz"


def prepare(paper: str, table: str, scale: str) -> None:
    """Find out and store the facts and the report that a derived table needs, where that has not been done."""
    layout = plan.layout(paper, table, scale)
    path = report_path(paper, table, scale)
    if "report" in layout and (layout.get("renew") or not path.exists()):
        try:
            write_text(path, as_json(_function(layout["report"])()))
        except UserError as error:
            note(f"{table} stays without a part of it: {error}")
    if "facts" not in layout:
        return
    targets = sorted({data["target"] for data in _own(layout).values()})
    for source in {data["source"] for data in _own(layout).values()}:
        path = facts_path(paper, scale, source)
        if not path.exists():
            try:
                data = load_source(source)
            except UserError as error:
                note(f"{table} stays without the facts of its materials: {error}")
                continue
            found = {"id": data.ids, "formula": data.formulas, **_function(layout["facts"])(data)}
            found |= {name: data.target(name).values for name in targets if data.target(name).values.ndim == 1}
            rows = (
                [f"{v:.9g}" if isinstance(v, float) else v for v in row] for row in zip(*found.values(), strict=True)
            )
            with replacing(path) as temporary:
                temporary.write_bytes(gzip.compress(as_csv(list(found), list(rows)).encode(), mtime=0))


def report_path(paper: str, table: str, scale: str) -> Path:
    """One report may serve several tables."""
    return (
        results_root() / scale / paper / f"{plan.layout(paper, table, scale).get('report', '').partition(':')[2]}.json"
    )


def _stored_report(path: Path) -> dict:
    return json.loads(path.read_text()) if path.exists() else {}


def stored_facts(paper: str, scale: str, source: str) -> dict[str, np.ndarray]:
    """Name -> values, numbers where all are numbers, but ids stay text; empty where nothing is stored."""
    try:
        with gzip.open(facts_path(paper, scale, source), "rt", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return {}
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return {name: np.array(cells) if name == "id" else _array(cells) for name, cells in columns.items()}


def _array(cells: list[str]) -> np.ndarray:
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return np.array(cells)


def _function(name: str):
    module, _, member = name.partition(":")
    return getattr(import_module(module), member)
