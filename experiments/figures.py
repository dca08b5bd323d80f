"""Pictures of a table from stored predictions: a parity plot a network, with its calibration where it states one, a bar
chart a data set; one picture of error against size where the columns are sizes of the training part."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common import plots
from common.predictions import together
from experiments import derived, plan
from experiments.tables import load_block, stored_cell
from finder.figures import calibration, sample_efficiency


def draw(paper: str, table: str, scale: str, folder: Path) -> list[Path]:
    """Draw what is stored of a table into `folder`; rows and columns without results are left out."""
    layout = plan.layout(paper, table, scale)
    if "derived" in layout:
        return derived.draw(paper, table, scale, folder)
    cells, drawn = plan.cells(paper, table, scale), []
    if all("train" in data.get("split", {}) for data in layout["columns"].values()):
        return _sample_efficiency(paper, table, scale, layout, folder)
    for column in layout["columns"]:
        block = load_block(paper, table, scale, column, {})
        heights = _heights(block, mini=scale == "mini")
        if heights:
            path = folder / f"{plan.slug(column)}-{layout['metrics'][0]}.png"
            unit = "" if block.unit == "dimensionless" else block.unit
            label = plots.with_unit(f"{layout['metrics'][0]} of {column}", unit)
            plots.bars(path, list(heights), list(heights.values()), label=label)
            drawn.append(path)
        for row, model in layout["rows"].items():
            stored = [s for s in (stored_cell(c) for c in cells if (c.column, c.row) == (column, row)) if s]
            if not stored or model.get("model") not in plan.NETWORKS:
                continue
            path = folder / f"{plan.slug(column)}-{plan.slug(row)}.png"
            every = together([predictions for predictions, _ in stored])
            parts = "one test part" if len(stored) == 1 else f"{len(stored)} test parts"
            name = f"{row}, {column}, {parts}"
            plots.parity(path, every.target.ravel(), every.prediction.ravel(), unit=every.unit, name=name)
            drawn.append(path)
            if every.std is not None:
                drawn.append(path.with_name(f"{path.stem}-calibration.png"))
                calibration(drawn[-1], every, name=f"{row}, {column}")
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
