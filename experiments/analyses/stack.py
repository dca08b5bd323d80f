"""Several models as one: a weighted mean of their predictions, whose weights the validation set decides.

Weights are not negative and add up to one; they minimize the mean absolute error on the validation materials, which
trained no member (they chose its epoch). The test materials are used for the printed errors only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from common.data.predictions import Predictions
from common.plots import with_unit
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.text_table import NONE, TextTable
from experiments.declare import plan
from experiments.run import store

#: A row that is no member: it knows nothing of the materials.
BASELINE = "dummy"
STACK = "stack"


def weights(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Weights (models,) for predictions (materials, models): the linear program of the least absolute error."""
    from scipy.optimize import linprog

    n, models = predicted.shape
    # Unknowns: the weights, then a bound of each material's error.
    cost = np.concatenate([np.zeros(models), np.full(n, 1 / n)])
    bounds = np.vstack([np.hstack([predicted, -np.eye(n)]), np.hstack([-predicted, -np.eye(n)])])
    found = linprog(
        cost,
        A_ub=bounds,
        b_ub=np.concatenate([target, -target]),
        A_eq=np.concatenate([np.ones(models), np.zeros(n)])[None],
        b_eq=[1.0],
    )
    return found.x[:models]


def stacked(validation: Mapping[str, Predictions], test: Mapping[str, Predictions]) -> dict:
    """Weights and mean absolute errors of the members and of the stack, on what all members predict."""
    names = list(validation)
    target, columns = _aligned([validation[name] for name in names])
    share = weights(columns, target)
    errors = {name: [float(np.abs(columns[:, k] - target).mean())] for k, name in enumerate(names)}
    errors[STACK] = [float(np.abs(columns @ share - target).mean())]
    tested, columns = _aligned([test[name] for name in names])
    for k, name in enumerate(names):
        errors[name].append(float(np.abs(columns[:, k] - tested).mean()))
    errors[STACK].append(float(np.abs(columns @ share - tested).mean()))
    return {
        "weights": {name: round(float(value), 4) for name, value in zip(names, share, strict=True)},
        "errors": errors,
        "validation": len(target),
        "test": len(tested),
    }


def _aligned(predictions: Sequence[Predictions]) -> tuple[np.ndarray, np.ndarray]:
    """Targets (n,) and predictions (n, models) of the materials that every model predicts."""
    rows = [{name: row for row, name in enumerate(one.ids.tolist())} for one in predictions]
    shared = [name for name in rows[0] if all(name in one for one in rows[1:])]
    columns = [one.prediction[[row[name] for name in shared]] for one, row in zip(predictions, rows, strict=True)]
    target = predictions[0].target
    assert target is not None
    return target[[rows[0][name] for name in shared]], np.stack(columns, axis=1)


def matbench() -> dict:
    return compared("finder", "matbench-formula")


def measured_gaps() -> dict:
    return compared("finder", "matbench-measured-gaps")


def compared(paper: str, table: str) -> dict:
    """Column -> a stack for every split on which two models or more have stored their validation predictions."""
    members: dict[tuple[str, int], dict[str, plan.Run]] = {}
    for run in plan.runs(paper, table, "real"):
        if run.row != BASELINE and store.finished(run) and store.has_validation(run):
            members.setdefault((run.column, run.seed), {})[run.row] = run
    report: dict = {}
    for (column, seed), runs in sorted(members.items()):
        if len(runs) > 1:
            loaded = {
                part: {row: _load(run, part) for row, run in runs.items()} for part in (store.VALIDATION, store.TEST)
            }
            unit = next(iter(loaded[store.TEST].values())).unit
            made = stacked(loaded[store.VALIDATION], loaded[store.TEST])
            report.setdefault(column, []).append({"split": seed, "unit": unit, **made})
    return report


def _load(run: plan.Run, part: str) -> Predictions:
    found = store.load(run, part)
    assert found is not None
    return found[0]


def table(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    return [_table(dataset.name, declared.get("stored", {}).get(dataset.name, [])) for dataset in datasets]


def _table(name: str, found: list[dict]) -> TextTable:
    if not found:
        return TextTable.not_run(name)
    models = list(dict.fromkeys(row for one in found for row in one["errors"] if row != STACK))
    head = ["split", *(f"{row}, MAE (weight)" for row in models), "stack, MAE", "below the best member"]
    rows = [_row(one, models) for one in found]
    if len(found) > 1:
        mean = np.mean([one["errors"][STACK][1] for one in found])
        rows.append(["mean", *[NONE] * len(models), f"{mean:.4g}", NONE])
    return TextTable(with_unit(name, found[0]["unit"]), head, rows)


def _row(one: dict, models: list[str]) -> list[str]:
    errors, share = one["errors"], one["weights"]
    cells = [f"{errors[row][1]:.4g} ({share[row]:.2f})" if row in errors else NONE for row in models]
    best = min(errors[row][1] for row in share)
    whole = errors[STACK][1]
    return [str(one["split"]), *cells, f"{whole:.4g}", f"{100 * (1 - whole / best):.1f} %"]
