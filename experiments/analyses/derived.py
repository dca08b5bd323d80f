"""Tables computed from the stored predictions of another table: errors by group, spreads, changed inputs.

Such a table names the table that it is made `of`, the rows that it `uses`, and the function that computes it
(`derived`, as "module:function"). The function takes a list of `DatasetPredictions`, the numbers that the paper prints,
and the declaration; it returns `TextTable`s. Properties of the materials that are not in predictions, such as space
groups, come from the function `facts`; they are stored beside the results, so that a table can be printed without the
data. So is the dictionary that the function `report` returns of data that no run predicts; the declaration then holds
it as "stored". A report of stored predictions says `renew`, and is computed again each time.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name

import numpy as np

from common.data.predictions import Predictions, together
from common.errors import UserError
from common.io.compressed import open_text
from common.io.files import replacing, write_text
from common.io.messages import note
from common.io.text import as_csv, as_json
from common.sources import load_source
from experiments.analyses.results import load_stored
from experiments.analyses.text_table import TextTable
from experiments.declare import plan
from experiments.run.store import TEST, VALIDATION, folder_of, results_root


@dataclass
class ModelPredictions:
    """What is stored of one model: predictions of all test sets, their number, and extra predictions by name."""

    predictions: Predictions
    splits: int
    extra: dict[str, Predictions]


@dataclass
class DatasetPredictions:
    """One dataset. `facts`: id, formula, the targets and whatever the declared function adds, an array each."""

    name: str
    target: str
    printed: dict
    folds: int
    models: dict[str, ModelPredictions] = field(default_factory=dict)
    facts: dict[str, np.ndarray] = field(default_factory=dict)


def text_tables(paper: str, table: str, scale: str, **budget) -> list[TextTable]:
    """What the declared function makes of the stored predictions."""
    layout = _with_report(paper, table, scale)
    return resolve_name(layout["derived"])(datasets(paper, table, scale, **budget), plan.reported(paper), layout)


def draw(paper: str, table: str, scale: str, folder: Path) -> list[Path]:
    """The pictures of the table, where it declares a function that draws them."""
    layout = _with_report(paper, table, scale)
    found = datasets(paper, table, scale)
    if "picture" not in layout or not (layout.get("stored") or any(dataset.models for dataset in found)):
        return []
    return list(resolve_name(layout["picture"])(found, folder, layout))


def _with_report(paper: str, table: str, scale: str) -> dict:
    layout = plan.layout(paper, table, scale)
    return {**layout, "stored": _stored_report(report_path(paper, table, scale))} if "report" in layout else layout


def datasets(paper: str, table: str, scale: str, **budget) -> list[DatasetPredictions]:
    """Everything stored that the table is made of."""
    layout = plan.layout(paper, table, scale)
    made = []
    for name, data in _own(layout).items():
        dataset = DatasetPredictions(name, data["target"], data.get("reported_tables", {}), layout["split"].get("k", 0))
        dataset.facts = stored_facts(paper, scale, data["source"]) if "material_data" in layout else {}
        for row in layout["rows"]:
            stored = list(_stored(plan.runs_of(paper, table, scale, name, row, **budget)))
            if stored:
                names = set.intersection(*(set(extra) for _, extra in stored))
                extra = {n: together([extra[n] for _, extra in stored]) for n in names}
                dataset.models[row] = ModelPredictions(together([p for p, _ in stored]), len(stored), extra)
        made.append(dataset)
    return made


def _own(layout: dict) -> dict[str, dict]:
    """The columns with runs of their own, without those that are open."""
    return {name: data for name, data in layout["columns"].items() if "source" in data and "open" not in data}


def _stored(runs: list[plan.Run]) -> Iterator[tuple[Predictions, dict[str, Predictions]]]:
    for run in runs:
        found = load_stored(run)
        if found:
            paths = {path.name.removesuffix(".csv.gz"): path for path in sorted(folder_of(run).glob("*.csv.gz"))}
            others = {name: path for name, path in paths.items() if name not in (TEST, VALIDATION)}
            yield found[0], {name: Predictions.load(path, found[0].unit) for name, path in others.items()}


# --- facts of the materials ----------------------------------------------------------------------


def facts_path(paper: str, scale: str, source: str) -> Path:
    return results_root() / scale / paper / f"{source}.csv.gz"


def prepare(paper: str, table: str, scale: str) -> None:
    """Compute and store the facts and the report that a derived table needs, where they are missing."""
    layout = plan.layout(paper, table, scale)
    path = report_path(paper, table, scale)
    if "report" in layout and (layout.get("recompute") or not path.exists()):
        try:
            write_text(path, as_json(resolve_name(layout["report"])()))
        except UserError as error:
            note(f"{table} lacks its report: {error}")
    if "material_data" not in layout:
        return
    targets = sorted({data["target"] for data in _own(layout).values()})
    for source in {data["source"] for data in _own(layout).values()}:
        path = facts_path(paper, scale, source)
        if not path.exists():
            try:
                data = load_source(source)
            except UserError as error:
                note(f"{table} lacks properties of its materials: {error}")
                continue
            found = {"id": data.ids, "formula": data.formulas, **resolve_name(layout["material_data"])(data)}
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
        with open_text(facts_path(paper, scale, source)) as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return {}
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return {name: np.array(values) if name == "id" else _array(values) for name, values in columns.items()}


def _array(values: list[str]) -> np.ndarray:
    try:
        return np.array(values, dtype=float)
    except ValueError:
        return np.array(values)
