"""Figures of a table from stored predictions.

A network has a parity plot, a learning curve, and its calibration where it predicts an uncertainty; a dataset has a
bar chart and cumulative errors. Columns that differ in the size of the training set make one figure of error against
size.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common import plots
from common.data.predictions import together
from experiments.analyses import derived
from experiments.analyses.results import DatasetResult, load_results
from experiments.declare import plan
from experiments.declare.models import NETWORKS
from experiments.run.store import folder_of
from finder.figures import calibration, cumulative_error, sample_efficiency

#: Unit -> the error that counts as chemical accuracy, 1 kcal/mol.
ACCURACY = {"eV/atom": 0.043}


def draw(paper: str, table: str, scale: str, folder: Path) -> list[Path]:
    """Draw what is stored of a table into `folder`; rows and columns without results are left out."""
    layout = plan.layout(paper, table, scale)
    if "derived" in layout:
        return derived.draw(paper, table, scale, folder)
    datasets = [load_results(paper, table, scale, column) for column in layout["columns"]]
    if all("train" in data.get("split", {}) for data in layout["columns"].values()):
        return _sample_efficiency(datasets, layout, folder / f"{table}-MAE.png")
    drawn = []
    for dataset in datasets:
        drawn += _bars(dataset, layout["metrics"][0], folder, mini=scale == "mini")
        drawn += _networks(paper, table, scale, dataset, layout, folder)
    return drawn


def _bars(dataset: DatasetResult, metric: str, folder: Path, *, mini: bool) -> list[Path]:
    """The mean of every row that has results, with the paper's value beside it where the paper has that row."""
    finished = [model for model in dataset.models if model.values]
    if not finished:
        return []
    path = folder / f"{plan.slug(dataset.name)}-{metric}.png"
    reported = None if mini else [model.reported.get(metric, np.nan) for model in finished]
    plots.bars(
        path,
        [model.row for model in finished],
        [model.mean(metric) for model in finished],
        reference=reported,
        series=("ours", "reported in the paper"),
        label=plots.with_unit(f"{metric} of {dataset.name}", dataset.plain_unit),
    )
    return [path]


def _networks(paper: str, table: str, scale: str, dataset: DatasetResult, layout: dict, folder: Path) -> list[Path]:
    """Parity plot, learning curve and calibration of every network, and the cumulative errors of all of them."""
    column, drawn, errors = layout["columns"][dataset.name], [], {}
    for model in dataset.models:
        if not model.stored or layout["rows"][model.row].get("model") not in NETWORKS:
            continue
        every = together([predictions for predictions, _ in model.stored])
        name, count = f"{model.row}, {dataset.name}", len(model.stored)
        path = folder / f"{plan.slug(dataset.name)}-{plan.slug(model.row)}.png"
        sets = "one test set" if count == 1 else f"{count} test sets"
        plots.parity(path, every.target.ravel(), every.prediction.ravel(), unit=every.unit, name=f"{name}, {sets}")
        drawn.append(path)
        errors[model.row] = every.prediction - every.target
        first = plan.runs_of(paper, table, scale, dataset.name, model.row)[0]
        history = folder_of(first) / "history.csv"
        if history.exists() and not plan.shown(column):
            drawn.append(path.with_name(f"{path.stem}-learning.png"))
            plots.learning_curve(drawn[-1], history, unit=dataset.plain_unit, name=name)
        if every.std is not None:
            drawn.append(path.with_name(f"{path.stem}-calibration.png"))
            calibration(drawn[-1], every, name=name)
    if len(errors) > 1:
        drawn.append(folder / f"{plan.slug(dataset.name)}-cumulative-error.png")
        threshold = ACCURACY.get(dataset.unit)
        limit = {"threshold": threshold, "note": "chemical accuracy"} if threshold else {}
        cumulative_error(drawn[-1], errors, unit=dataset.plain_unit, **limit)
    return drawn


def _sample_efficiency(datasets: list[DatasetResult], layout: dict, path: Path) -> list[Path]:
    """One figure of a table whose columns are sizes of the training set."""
    series: dict[str, list[tuple[int, float]]] = {}
    for dataset in datasets:
        size = layout["columns"][dataset.name]["split"]["train"]
        for model in dataset.models:
            if model.values:
                series.setdefault(model.row, []).append((size, model.mean("MAE")))
    if not series:
        return []
    points = {row: tuple(np.array(pairs).T) for row, pairs in series.items()}
    sample_efficiency(path, points, unit=next(d.unit for d in datasets if d.materials))
    return [path]
