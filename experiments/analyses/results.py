"""What is stored of one column of a table, line by line, beside what the paper reports."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from common.data.metrics import r2_swapped
from common.data.predictions import Predictions
from common.errors import UserError
from experiments.declare import plan
from experiments.run.store import folder_of

#: What is printed of the record of a cell.
NEEDED = ("unit", "split", "data", "device", "versions", "wall_seconds")


@dataclass
class Line:
    """One row of one column: per metric the values over the stored seeds, and what the paper reports."""

    row: str
    values: dict[str, np.ndarray]
    reported: dict[str, float]
    open: str = ""
    #: The stored seeds, in the order of the values; with published folds they are the numbers of the folds.
    seeds: list[int] = field(default_factory=list)
    #: Published MAE of single folds.
    folds: dict[int, float] = field(default_factory=dict)
    #: Paper and table that the cells belong to, where it is another one.
    taken: str = ""
    #: What the values come from, in the order of the seeds: predictions and the record beside them.
    stored: list[tuple[Predictions, dict]] = field(default_factory=list)

    def mean(self, metric: str) -> float:
        return float(self.values[metric].mean())


@dataclass
class Block:
    """One column of a table: a data set with its lines."""

    name: str
    unit: str
    materials: int
    test: int
    lines: list[Line]
    notes: list[str]
    #: The paper's own model and what the paper reports of it, to see where that lies among our splits.
    own: str = ""
    own_reported: dict[str, float] = field(default_factory=dict)
    #: Whether wall time, parameters and hardware stand beside the errors.
    costs: bool = False


def load_block(paper: str, table: str, scale: str, column: str, budget: dict) -> Block:
    """Everything stored of one column. A row without a finished cell is left open, with the reason."""
    layout = plan.layout(paper, table, scale)
    data = layout["columns"][column]
    printed = plan.printed(paper, data.get("reported"))
    own = layout["own"]
    reported = _printed(printed, layout["rows"].get(own, {}).get("reported"))
    unit, notes = printed.get("unit", ""), data.get("notes", [])
    block = Block(column, unit, 0, 0, [], notes, own, reported, layout.get("costs", False))
    for row, model in layout["rows"].items():
        mine = plan.runs_of(paper, table, scale, column, row, **budget)
        found = [(cell.seed, stored_cell(cell, plan.shown(data))) for cell in mine]
        seeds, stored = [seed for seed, s in found if s], [s for _, s in found if s]
        metrics = [_metrics(predictions, layout["metrics"]) for predictions, _ in stored]
        values = {m: np.array([one[m] for one in metrics]) for m in layout["metrics"]} if metrics else {}
        reason = plan.reason(data, row, model) or ("not run yet" if mine else "left out at this scale")
        reason = reason if not stored else ""
        if not reason and len(stored) < len(mine):
            reason = f"{len(stored)} of {len(mine)} seeds"
        folds = printed.get("rows", {}).get(model.get("reported"), {}).get("folds", {})
        taken = next((f"{c.paper} {c.table}" for c in mine if (c.paper, c.table) != (paper, table)), "")
        line = Line(row, values, _printed(printed, model.get("reported")), reason, seeds, folds, taken, stored)
        if folds and seeds:
            line.reported["MAE"] = float(np.mean([folds[seed] for seed in seeds]))
            block.notes = [*block.notes, _fold_by_fold(line)]
        if stored and "note" in model:
            block.notes = [*block.notes, f"{row} {model['note']}"]
        tested = sum(record["split"]["n_test"] for _, record in stored)
        if (fewer := tested - sum(len(predictions) for predictions, _ in stored)) > 0:
            block.notes = [
                *block.notes,
                f"{row} cannot predict {fewer} of {tested:,} test materials and is judged by the rest.",
            ]
        block.lines.append(line)
        for predictions, record in stored:
            record.setdefault("parameters", model.get("parameters"))
            block.materials, block.test = record["data"]["rows"], len(predictions)
            block.unit = predictions.unit if predictions.unit != "1" else "dimensionless"
    return block


def _metrics(predictions: Predictions, names: list[str]) -> dict[str, float]:
    found = predictions.metrics()
    if "R2 swapped" in names:
        found["R2 swapped"] = r2_swapped(predictions.target, predictions.prediction)
    return found


def _fold_by_fold(line: Line) -> str:
    """Our MAE of every fold beside the published one."""
    pairs = [
        f"{seed}: {ours:.4g} / {line.folds[seed]:.4g} ({ours / line.folds[seed]:.2f})"
        for seed, ours in zip(line.seeds, line.values["MAE"], strict=True)
    ]
    return f"{line.row}, fold by fold, our MAE / published MAE (ratio): {'; '.join(pairs)}."


def stored_cell(cell: plan.Run, also: str = "") -> tuple[Predictions, dict] | None:
    """Predictions and record of a cell; `also` names predictions that it stores beside those of its test part."""
    folder = folder_of(cell)
    try:
        record = json.loads((folder / "cell.json").read_text())
        if lacking := [name for name in NEEDED if name not in record]:
            raise ValueError(f"it lacks {', '.join(lacking)}")
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{folder / 'cell.json'} is damaged ({error}); remove it and run the cell again") from None
    path = folder / f"{also or 'predictions'}.csv.gz"
    return _predictions(path, path.stat().st_mtime_ns, record["unit"]), record


@cache
def _predictions(path: Path, written: int, unit: str) -> Predictions:
    """One reading serves every style and table; `written` tells a file from the one that it replaces."""
    return Predictions.load(path, unit)


def _printed(printed: dict, row: str | None) -> dict[str, float]:
    cells = printed.get("rows", {}).get(row, {})
    return {m: c["value"] for m, c in cells.items() if isinstance(c, dict) and isinstance(c.get("value"), int | float)}
