"""What is stored of one column of a table, model by model, beside what the paper reports."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from common.data.metrics import r2_swapped
from common.data.predictions import Predictions
from experiments.declare import plan
from experiments.run import store


@dataclass
class ModelResult:
    """One model on one dataset: per metric the values over the stored seeds, and what the paper reports."""

    row: str
    values: dict[str, np.ndarray]
    reported: dict[str, float]
    #: Why there are no values, or fewer than declared.
    open: str = ""
    #: The stored seeds, in the order of the values; with published folds they are the numbers of the folds.
    seeds: list[int] = field(default_factory=list)
    #: Published MAE of single folds.
    folds: dict[int, float] = field(default_factory=dict)
    #: Paper and table that the runs belong to, where it is another one.
    source_table: str = ""
    #: Predictions and the record beside them, in the order of the seeds.
    stored: list[tuple[Predictions, dict]] = field(default_factory=list)

    def mean(self, metric: str) -> float:
        return float(self.values[metric].mean())


@dataclass
class DatasetResult:
    """One column of a table: a dataset with the results of its models."""

    name: str
    unit: str
    models: list[ModelResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Sizes of the dataset and of one test set.
    materials: int = 0
    test: int = 0
    #: The paper's own model and what the paper reports of it, to see where that lies among our splits.
    own: str = ""
    own_reported: dict[str, float] = field(default_factory=dict)
    #: Whether wall time, parameters and hardware stand beside the errors.
    costs: bool = False

    @property
    def plain_unit(self) -> str:
        return "" if self.unit == "dimensionless" else self.unit


def load_results(paper: str, table: str, scale: str, column: str, budget: dict | None = None) -> DatasetResult:
    """Everything stored of one column. A row without a finished run stays open, with the reason."""
    layout = plan.layout(paper, table, scale)
    data, rows, own = layout["columns"][column], layout["rows"], layout["own_row"]
    printed = plan.printed(paper, data.get("reported"))
    found = DatasetResult(
        column,
        printed.get("unit", ""),
        notes=list(data.get("notes", [])),
        own=own,
        own_reported=_reported(printed, rows.get(own, {}).get("reported")),
        costs=layout.get("costs", False),
    )
    for row, model in rows.items():
        runs = plan.runs_of(paper, table, scale, column, row, **(budget or {}))
        result = _model_result(row, model, data, runs, layout["metrics"], printed)
        result.source_table = next((f"{r.paper} {r.table}" for r in runs if (r.paper, r.table) != (paper, table)), "")
        found.models.append(result)
        found.notes += _notes(result, model)
        for predictions, record in result.stored:
            record.setdefault("parameters", model.get("parameters"))
            found.materials, found.test = record["data"]["rows"], len(predictions)
            found.unit = predictions.unit if predictions.unit != "1" else "dimensionless"
    return found


def _model_result(row: str, model: dict, data: dict, runs: list, metrics: list[str], printed: dict) -> ModelResult:
    pairs = [(run.seed, one) for run in runs if (one := load_stored(run, plan.shown(data)))]
    seeds, stored = [seed for seed, _ in pairs], [one for _, one in pairs]
    scores = [_metrics(predictions, metrics) for predictions, _ in stored]
    values = {metric: np.array([one[metric] for one in scores]) for metric in metrics} if scores else {}
    reason = ""
    if not stored:
        reason = plan.reason(data, row, model) or ("not run yet" if runs else "left out at this scale")
    elif len(stored) < len(runs):
        reason = f"{len(stored)} of {len(runs)} seeds"
    reported = _reported(printed, model.get("reported"))
    folds = printed.get("rows", {}).get(model.get("reported"), {}).get("folds", {})
    if folds and seeds:
        reported["MAE"] = float(np.mean([folds[seed] for seed in seeds]))
    return ModelResult(row, values, reported, reason, seeds, folds, stored=stored)


def _notes(result: ModelResult, model: dict) -> list[str]:
    """Remarks on a row that has results."""
    notes = []
    if result.folds and result.seeds:
        pairs = [
            f"{seed}: {ours:.4g} / {result.folds[seed]:.4g} ({ours / result.folds[seed]:.2f})"
            for seed, ours in zip(result.seeds, result.values["MAE"], strict=True)
        ]
        notes.append(f"{result.row}, fold by fold, our MAE / published MAE (ratio): {'; '.join(pairs)}.")
    if result.stored and "note" in model:
        notes.append(f"{result.row} {model['note']}")
    tested = sum(record["split"]["n_test"] for _, record in result.stored)
    if (missing := tested - sum(len(predictions) for predictions, _ in result.stored)) > 0:
        notes.append(f"{result.row} cannot predict {missing} of {tested:,} test materials and is judged by the rest.")
    return notes


def _metrics(predictions: Predictions, names: list[str]) -> dict[str, float]:
    scores = predictions.metrics()
    if "R2 swapped" in names:
        scores["R2 swapped"] = r2_swapped(predictions.target, predictions.prediction)
    return scores


def load_stored(run: plan.Run, also: str = "") -> tuple[Predictions, dict] | None:
    """Predictions and record of a finished run; `also` names predictions besides those of its test set."""
    return store.load(run, also)


def _reported(printed: dict, row: str | None) -> dict[str, float]:
    cells = printed.get("rows", {}).get(row, {})
    return {m: c["value"] for m, c in cells.items() if isinstance(c, dict) and isinstance(c.get("value"), int | float)}
