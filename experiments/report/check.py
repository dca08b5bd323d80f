"""`make check`: do the stored results give the committed tables, and does training still reach its bands?"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from common.data import metrics
from common.data.predictions import Predictions
from common.sources import load_source
from experiments.declare import plan
from experiments.declare.models import make_model
from experiments.report import bands, tables
from experiments.report.sections import gather
from experiments.run.inputs import make_split
from experiments.run.runner import run_all
from experiments.run.store import DamagedResult, damage, folder_of, read_record, results_root


def check_stored(scale: str = "real") -> tuple[list[str], int]:
    """Recompute every committed result; returns what is wrong and how many results were recomputed."""
    declared = {run.key: run for run in _all_runs(scale)}
    wrong, errors = [], {}
    found = sorted(str(p.parent.relative_to(results_root())) for p in (results_root() / scale).rglob("cell.json"))
    for key in found:
        if key not in declared:
            wrong.append(f"{key}: no table declares this result")
            continue
        run = declared[key]
        if reason := damage(run):
            wrong.append(reason)
            continue
        record = read_record(run)
        if record["digest"] != run.digest():
            wrong.append(f"{key}: stored with settings {record['digest']}, declared are {run.digest()}; run it again")
        stored = Predictions.load(folder_of(run) / "predictions.csv.gz")
        if len(stored) + len(record["left_out"]) < record["split"]["n_test"]:
            wrong.append(f"{key}: {len(stored)} predictions for {record['split']['n_test']} test materials")
        mae = metrics.regression(stored.target, stored.prediction)["MAE"]
        errors.setdefault((run.paper, run.table, run.column, run.row), []).append(mae)
        for column, name in _beside(run):
            stored = Predictions.load(folder_of(run) / f"{name}.csv.gz")
            errors.setdefault((run.paper, run.table, column, run.row), []).append(stored.metrics()["MAE"])
    for group, values in errors.items():
        wrong += _outside(*group, scale, float(np.mean(values)))
    return wrong, len(found)


def check_data(scale: str = "real") -> list[str]:
    """Does every stored split still follow from its seed, and are the data the same? Needs the data."""
    wrong, seen = [], {}
    for run in _all_runs(scale):
        if damage(run) or not (record := read_record(run)):
            continue
        densities = make_model(run.settings).uses_densities
        where = (run.settings["source"], run.settings["target"], densities)
        if where not in seen:
            data = load_source(where[0]).known(where[1])
            seen[where] = (data, data.digest(where[1], densities=densities))
        data, digest = seen[where]
        split = make_split(data, run.settings["split"], run.seed)
        if digest != record["data"]["digest"]:
            wrong.append(f"{run.key}: the data have changed since this result was made")
        elif split.digest() != record["split"]["digest"]:
            wrong.append(f"{run.key}: the seed gives another split now")
    return wrong


def check_tables() -> list[str]:
    """Are the committed tables those that the stored predictions give?"""
    try:
        wrong, papers = [], gather()
    except DamagedResult as error:
        return [f"tables cannot be compared: {error}"]
    for path, text in (tables.committed_tables(papers) | tables.texts_with_tables(papers)).items():
        if not path.exists() or path.read_text() != text:
            wrong.append(f"{path.name}: not what the stored predictions give; run make tables")
    return wrong


def check_training(jobs: int = 1) -> tuple[list[str], int]:
    """Train one small run a model on the embedded set and compare each with its band."""
    before = os.environ.get("MATREPRO_RESULTS")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MATREPRO_RESULTS"] = folder
        try:
            runs = [run for p in plan.papers() for run in _runs(p, "check", "mini")]
            wrong = run_all(runs, jobs=jobs)
            for run in runs:
                path = Path(folder) / run.key / "predictions.csv.gz"
                if path.exists():
                    mae = Predictions.load(path).metrics()["MAE"]
                    wrong += _outside(run.paper, run.table, run.column, run.row, "mini", mae)
            return wrong, len(runs)
        finally:
            os.environ.pop("MATREPRO_RESULTS")
            if before is not None:
                os.environ["MATREPRO_RESULTS"] = before


def _all_runs(scale: str) -> list[plan.Run]:
    every = (run for paper in plan.papers() for table in plan.tables(paper) for run in _runs(paper, table, scale))
    return list({run.key: run for run in every}.values())


def _runs(paper: str, table: str, scale: str) -> list[plan.Run]:
    """The runs of a table; a derived table has none of its own."""
    declared = plan.declaration(paper)["tables"].get(table, {"scales": {}})
    return plan.runs(paper, table, scale) if scale in declared["scales"] and "derived_from" not in declared else []


def _beside(run: plan.Run) -> list[tuple[str, str]]:
    """Columns that show further predictions of a run, besides those of its test set, and the names of these."""
    columns = plan.layout(run.paper, run.table, run.scale)["columns"]
    return [(column, data["shows"]) for column, data in columns.items() if data.get("trained_in") == run.column]


def _outside(paper: str, table: str, column: str, row: str, scale: str, mae: float) -> list[str]:
    band = bands.band(paper, table, column, row, scale)
    name = f"{paper} {table} {column} {row} ({scale})"
    if band is None:
        return [f"{name}: no band is stated for its MAE of {mae:.4f}; run matrepro bands"]
    return [] if band[0] <= mae <= band[1] else [f"{name}: MAE {mae:.4f} lies outside {band[0]} to {band[1]}"]
