"""Predictions of the official Matbench folds: from stored results, or from the folder of a cross-validation."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from common.data.predictions import Predictions
from common.errors import UserError
from common.io.compressed import open_text
from common.presets.load import read_card, spec_of
from common.sources.datadir import MATBENCH
from common.sources.remote import matbench
from experiments.declare import plan
from experiments.run import store

#: What `train --folds` writes into the folder of its model.
POOLED = "predictions.csv"


@dataclass(frozen=True)
class TaskResult:
    """The predictions of all folds of a task; `settings` and `versions` describe the model, `command` repeats it."""

    task: str
    folds: dict[int, Predictions]
    settings: dict[str, Any]
    versions: dict[str, str]
    command: str
    paper: str = ""


def task_of(name: str) -> str:
    """`matbench_log_kvrh` or `log_kvrh` as `log_kvrh`."""
    task = name.removeprefix("matbench_").replace("-", "_")
    if task not in MATBENCH:
        known = ", ".join(f"matbench_{one}" for one in MATBENCH)
        raise UserError(f"{name!r} is not one of the regression tasks of Matbench: {known}")
    return task


def stored_results(model: str, tasks: Sequence[str], scale: str, row: str = "") -> list[TaskResult]:
    """The stored predictions of a model for these tasks, whose folds must be complete, or for all that are."""
    found = [_stored(model, task, scale, row) for task in tasks or MATBENCH]
    results = [one for one in found if isinstance(one, TaskResult)]
    missing = [one for one in found if isinstance(one, str)]
    if tasks and missing:
        raise UserError(missing[0])
    if not results:
        raise UserError(
            f"{model} has stored predictions of no complete Matbench task; name one with --tasks to see why"
        )
    return results


def _stored(model: str, task: str, scale: str, row: str) -> TaskResult | str:
    """The result of a task, or why there is none."""
    sources = (f"matbench-{task.replace('_', '-')}", f"matbench-{task}-structures")
    groups: dict[tuple[str, str, str], dict[int, plan.Run]] = {}
    for paper in plan.papers():
        for table in plan.tables(paper, scale):
            for run in plan.runs(paper, table, scale):
                settings = run.settings
                named = settings["model"] == model and (not row or run.row == row)
                if named and settings["source"] in sources and settings["split"].get("kind") == "folds":
                    groups.setdefault((run.paper, run.table, run.row), {})[run.seed] = run
    if not groups:
        return f"matbench_{task}: no table at scale {scale} has {row or model} on the official folds"
    own = {key: runs for key, runs in groups.items() if key[2] == plan.declaration(key[0]).get("own_row")}
    groups = own or groups  # the paper's own model, not the same network with another recipe
    if len(groups) > 1:
        rows = ", ".join(dict.fromkeys(name for _, _, name in groups))
        if len(rows.split(", ")) > 1:
            return f"matbench_{task}: several rows have this model: {rows}; choose one with --row"
    (paper, table, name), runs = next(iter(groups.items()))
    again = f"matrepro reproduce {paper} {table} --scale {scale} --only '{name}'"
    lacking = [fold for fold in range(matbench.FOLDS) if fold not in runs or not store.finished(runs[fold])]
    if lacking:
        numbers = ", ".join(map(str, lacking))
        return f"matbench_{task}: no stored result of fold {numbers}; declare these seeds and run {again}"
    loaded = {fold: store.load(runs[fold]) for fold in range(matbench.FOLDS)}
    records = {fold: one for fold, one in loaded.items() if one is not None}
    folds = {fold: one[0] for fold, one in records.items()}
    record = records[0][1]
    settings = record.get("resolved", runs[0].settings)
    return checked(TaskResult(task, folds, settings, record["versions"], again, paper))


def cross_validated(folder: str | Path) -> TaskResult:
    """The predictions that `train matbench-... --folds given` has written."""
    path = Path(folder) / POOLED
    if not path.is_file():
        raise UserError(f"{folder} has no {POOLED}; train it with --folds given on a Matbench source")
    card = read_card(folder)
    pooled = Predictions.load(path, card["unit"])
    with open_text(path) as file:
        numbers = [row.get("fold", "") for row in csv.DictReader(file)]
    first = str(pooled.ids[0])
    task = first.removeprefix("mb-").rpartition("-")[0].replace("-", "_")
    if not first.startswith("mb-") or task not in MATBENCH or not all(number.isdecimal() for number in numbers):
        raise UserError(f"{path} holds no predictions of a Matbench task (ids such as mb-dielectric-0001, column fold)")
    folds = {
        int(number) - 1: pooled.take(np.flatnonzero(np.array(numbers) == number)) for number in sorted(set(numbers))
    }
    settings = {name: card[name] for name in ("model", "variant", "config", "recipe", "seed")}
    source = f"matbench-{task.replace('_', '-')}"
    package = spec_of(card["model"]).name
    command = f"{package} train {source} --target {card['target']} --folds given --network {card['model']} --model m"
    return checked(TaskResult(task, folds, settings, store.versions("tensorflow"), command))


def checked(result: TaskResult) -> TaskResult:
    """The result with its folds in the order of the official ids; every material must stand in its own fold."""
    for fold, predicted in result.folds.items():
        if predicted.target is None or predicted.prediction.ndim != 1:
            raise UserError(f"matbench_{result.task}: fold {fold} has no known values to score the predictions with")
    if sorted(result.folds) != list(range(matbench.FOLDS)) or not all(map(len, result.folds.values())):
        raise UserError(f"matbench_{result.task} needs predictions of {matbench.FOLDS} folds, not {len(result.folds)}")
    count = sum(map(len, result.folds.values()))
    official = dict(zip(matbench.ids(result.task, count), matbench.folds(count).tolist(), strict=True))
    ordered = {}
    for fold, predicted in sorted(result.folds.items()):
        wrong = [name for name in predicted.ids.tolist() if official.get(name) != fold]
        if wrong or len(set(predicted.ids.tolist())) < len(predicted):
            raise UserError(
                f"matbench_{result.task}: {wrong[0] if wrong else 'an id'} is not in the official fold {fold}, or "
                "materials are missing; predict every material of the official folds once"
            )
        ordered[fold] = predicted.take(np.argsort(predicted.ids))
    return replace(result, folds=ordered)
