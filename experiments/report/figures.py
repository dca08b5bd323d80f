"""Pictures of a table from stored predictions.

A network has a parity plot, a learning curve, and its calibration where it states one; a data set a bar chart and
cumulative errors. Where the columns are sizes of the training part there is one picture of error against size.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common import plots
from common.data.predictions import together
from experiments.analyses import derived
from experiments.analyses.results import load_block, stored_cell
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
    drawn = []
    if all("train" in data.get("split", {}) for data in layout["columns"].values()):
        return _sample_efficiency(paper, table, scale, layout, folder)
    for column, data in layout["columns"].items():
        block = load_block(paper, table, scale, column, {})
        heights = _heights(block, mini=scale == "mini")
        if heights:
            path = folder / f"{plan.slug(column)}-{layout['metrics'][0]}.png"
            unit = "" if block.unit == "dimensionless" else block.unit
            label = plots.with_unit(f"{layout['metrics'][0]} of {column}", unit)
            plots.bars(path, list(heights), list(heights.values()), label=label)
            drawn.append(path)
        errors = {}
        for row, model in layout["rows"].items():
            cells = plan.runs_of(paper, table, scale, column, row)
            stored = [s for s in (stored_cell(c, plan.shown(data)) for c in cells) if s]
            if not stored or model.get("model") not in NETWORKS:
                continue
            path = folder / f"{plan.slug(column)}-{plan.slug(row)}.png"
            every = together([predictions for predictions, _ in stored])
            parts = "one test part" if len(stored) == 1 else f"{len(stored)} test parts"
            name = f"{row}, {column}, {parts}"
            plots.parity(path, every.target.ravel(), every.prediction.ravel(), unit=every.unit, name=name)
            drawn.append(path)
            errors[row] = every.prediction - every.target
            history = folder_of(cells[0]) / "history.csv"
            if history.exists() and not plan.shown(data):
                drawn.append(path.with_name(f"{path.stem}-learning.png"))
                unit = "" if every.unit == "1" else every.unit
                plots.learning_curve(drawn[-1], history, unit=unit, name=f"{row}, {column}")
            if every.std is not None:
                drawn.append(path.with_name(f"{path.stem}-calibration.png"))
                calibration(drawn[-1], every, name=f"{row}, {column}")
        if len(errors) > 1:
            drawn.append(folder / f"{plan.slug(column)}-cumulative-error.png")
            limit = {"threshold": ACCURACY[block.unit], "note": "chemical accuracy"} if block.unit in ACCURACY else {}
            cumulative_error(drawn[-1], errors, unit="" if block.unit == "dimensionless" else block.unit, **limit)
    return drawn


def _sample_efficiency(paper: str, table: str, scale: str, layout: dict, folder: Path) -> list[Path]:
    """One picture of a table whose columns are sizes of the training part."""
    series: dict[str, list[tuple[int, float]]] = {}
    unit = ""
    for column, data in layout["columns"].items():
        block = load_block(paper, table, scale, column, {})
        for line in block.lines:
            if line.values:
                unit = block.unit
                series.setdefault(line.row, []).append((data["split"]["train"], line.mean("MAE")))
    if not series:
        return []
    path = folder / f"{table}-MAE.png"
    sample_efficiency(path, {row: tuple(np.array(points).T) for row, points in series.items()}, unit=unit)
    return [path]


def _heights(block, *, mini: bool) -> dict[str, float]:
    """Bar -> height: our mean of every row that has results, and the paper's value beside it."""
    heights = {}
    for line in block.lines:
        if line.values:
            metric = next(iter(line.values))
            heights[line.row] = line.mean(metric)
            if not mini and metric in line.reported and "(" not in line.row:
                heights[f"{line.row}, paper's"] = line.reported[metric]
    return heights
