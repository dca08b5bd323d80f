"""`make check`: do the committed results still say what the tables say, and does training still reach its band?"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from common.data import metrics
from common.data.predictions import Predictions
from experiments.declare import plan
from experiments.declare.models import make_model
from experiments.report import bands, tables
from experiments.run.inputs import make_split
from experiments.run.runner import run_all
from experiments.run.store import folder_of, results_root


def check_stored(scale: str = "real") -> tuple[list[str], int]:
    """Recompute every committed result; returns what is wrong and how many results were looked at."""
    declared = {cell.key: cell for cell in _all_cells(scale)}
    wrong, errors = [], {}
    found = sorted(str(p.parent.relative_to(results_root())) for p in (results_root() / scale).rglob("cell.json"))
    for key in found:
        if key not in declared:
            wrong.append(f"{key}: no table declares this result")
            continue
        cell = declared[key]
        record = json.loads((folder_of(cell) / "cell.json").read_text())
        if record["digest"] != cell.digest():
            wrong.append(f"{key}: stored with settings {record['digest']}, declared are {cell.digest()}; run it again")
        stored = Predictions.load(folder_of(cell) / "predictions.csv.gz")
        if len(stored) + len(record["left_out"]) < record["split"]["n_test"]:
            wrong.append(f"{key}: {len(stored)} predictions for {record['split']['n_test']} test materials")
        mae = metrics.regression(stored.target, stored.prediction)["MAE"]
        errors.setdefault((cell.paper, cell.table, cell.column, cell.row), []).append(mae)
        for column, name in _beside(cell):
            stored = Predictions.load(folder_of(cell) / f"{name}.csv.gz")
            errors.setdefault((cell.paper, cell.table, column, cell.row), []).append(stored.metrics()["MAE"])
    for group, values in errors.items():
        wrong += _outside(*group, scale, float(np.mean(values)))
    return wrong, len(found)


def check_data(scale: str = "real") -> list[str]:
    """With the data at hand: does every stored split still come out of its seed, and are the data the same?"""
    from common.sources import load_source

    wrong, seen = [], {}
    for cell in _all_cells(scale):
        path = folder_of(cell) / "cell.json"
        if not path.exists():
            continue
        record, densities = json.loads(path.read_text()), make_model(cell.settings).uses_densities
        where = (cell.settings["source"], cell.settings["target"], densities)
        if where not in seen:
            data = load_source(where[0]).known(where[1])
            seen[where] = (data, data.digest(where[1], densities=densities))
        data, digest = seen[where]
        split = make_split(data, cell.settings["split"], cell.seed)
        if digest != record["data"]["digest"]:
            wrong.append(f"{cell.key}: the data have changed since this result was made")
        elif split.digest() != record["split"]["digest"]:
            wrong.append(f"{cell.key}: the seed gives another split now")
    return wrong


def check_tables() -> list[str]:
    """Are the committed table files those that the committed predictions give?"""
    wrong = []
    for path, text in tables.committed_tables().items():
        if not path.exists() or path.read_text() != text:
            wrong.append(f"{path.name}: not what the stored predictions give; run make tables")
    readme = tables.ROOT / "README.md"
    if readme.read_text() != tables.readme_with_tables(readme.read_text()):
        wrong.append("README.md: its tables are not what the stored predictions give; run make tables")
    return wrong


def check_training(jobs: int = 1) -> tuple[list[str], int]:
    """Train one small cell a model on the embedded set, afresh, and hold each to its band."""
    kept = os.environ.get("MATREPRO_RESULTS")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MATREPRO_RESULTS"] = folder
        try:
            cells = [c for p in plan.papers() for c in _cells(p, "check", "mini")]
            wrong = run_all(cells, jobs=jobs)
            for cell in cells:
                path = Path(folder) / cell.key / "predictions.csv.gz"
                if path.exists():
                    mae = Predictions.load(path).metrics()["MAE"]
                    wrong += _outside(cell.paper, cell.table, cell.column, cell.row, "mini", mae)
            return wrong, len(cells)
        finally:
            os.environ.pop("MATREPRO_RESULTS")
            if kept is not None:
                os.environ["MATREPRO_RESULTS"] = kept


def _all_cells(scale: str) -> list[plan.Run]:
    every = (c for paper in plan.papers() for table in plan.tables(paper) for c in _cells(paper, table, scale))
    return list({cell.key: cell for cell in every}.values())


def _cells(paper: str, table: str, scale: str) -> list[plan.Run]:
    """The cells of its own; a derived table has none."""
    declared = plan.declaration(paper)["tables"].get(table, {"scales": {}})
    return plan.runs(paper, table, scale) if scale in declared["scales"] and "of" not in declared else []


def _beside(cell: plan.Run) -> list[tuple[str, str]]:
    """Columns that show predictions which a cell stores besides those of its test part, and the names of these."""
    columns = plan.layout(cell.paper, cell.table, cell.scale)["columns"]
    return [(column, data["also"]) for column, data in columns.items() if data.get("of") == cell.column]


def _outside(paper: str, table: str, column: str, row: str, scale: str, mae: float) -> list[str]:
    band = bands.band(paper, table, column, row, scale)
    name = f"{paper} {table} {column} {row} ({scale})"
    if band is None:
        return [f"{name}: no band is stated for its MAE of {mae:.4f}; run matrepro bands"]
    return [] if band[0] <= mae <= band[1] else [f"{name}: MAE {mae:.4f} lies outside {band[0]} to {band[1]}"]
