"""How our value of a paper's claim is computed from stored results; one key of `ours` names the method.

error: [table, column, row] and perhaps a metric; the table's first one where none is given
reduction: [[...], [...]]   by how many per cent the first error is lower than the second, on the splits of both
increase: [[...], [...]]    by how many per cent the first error is higher
ratio: [[...], [...]]       the first over the second
difference: [[...], [...]]  the first less the second
lowest: {row, among, of}    in how many of the columns `of` the row has a lower error than every row of `among`
over_reported: [...]        our error over the published one, on the same folds where these are published
minimum: {among, of}        the lowest error of these rows in one column
materials: [table, column]  the size of the dataset
parameters: row             trained weights of a row of the table of all models
stored: [file, key, ...]    a number of a report that is stored beside the results
function: [module:function, argument, ...]
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import numpy as np

from common.errors import UserError
from experiments.analyses.results import DatasetResult, ModelResult, load_results
from experiments.declare import plan
from experiments.run.store import results_root

SCALE = "real"


def _error(paper: str, place: list[str]) -> float | None:
    model, metric = _model(paper, place)
    return model.mean(metric) if model.values else None


def _pair(compute: Callable[[float, float], float]) -> Callable[[str, list], float | None]:
    """A number from the mean errors of two rows on the splits that both have finished."""

    def of(paper: str, places: list) -> float | None:
        (one, metric), (other, other_metric) = (_model(paper, place) for place in places)
        common = sorted(set(one.seeds) & set(other.seeds))
        if not common:
            return None
        a, b = (
            np.mean([model.values[m][model.seeds.index(seed)] for seed in common])
            for model, m in ((one, metric), (other, other_metric))
        )
        return float(compute(a, b))

    return of


def _lowest(paper: str, argument: dict) -> tuple[int, int] | None:
    """In how many columns the row's error is below those of all others, of the columns in which all have run."""
    tested = []
    for at in argument["of"]:
        differences = [_difference(paper, [[*at, argument["row"]], [*at, other]]) for other in argument["among"]]
        if None not in differences:
            tested.append(all(difference < 0 for difference in differences))
    return (sum(tested), len(tested)) if tested else None


def _minimum(paper: str, argument: dict) -> float | None:
    errors = [_error(paper, [*argument["of"], row]) for row in argument["among"]]
    return min((error for error in errors if error is not None), default=None)


def _over_reported(paper: str, place: list[str]) -> float | None:
    model, metric = _model(paper, place)
    return model.mean(metric) / model.reported[metric] if model.values else None


def _materials(paper: str, place: list[str]) -> int | None:
    return _dataset(paper, *place).materials or None


def _parameters(paper: str, row: str) -> int:
    return plan.declaration("grand")["rows"][row]["parameters"]


def _stored(paper: str, place: list[str]) -> float | None:
    path = results_root() / SCALE / paper / f"{place[0]}.json"
    found = json.loads(path.read_text()) if path.exists() else None
    for key in place[1:]:
        found = found[key] if found is not None else None
    return found


def _function(paper: str, argument: list[str]) -> float | tuple[int, int] | None:
    return resolve_name(argument[0])(*argument[1:])


_difference = _pair(lambda a, b: a - b)
METHODS: dict[str, Callable[[str, Any], float | tuple[int, int] | None]] = {
    "error": _error,
    "reduction": _pair(lambda a, b: 100 * (1 - a / b)),
    "increase": _pair(lambda a, b: 100 * (a / b - 1)),
    "ratio": _pair(lambda a, b: a / b),
    "difference": _difference,
    "lowest": _lowest,
    "minimum": _minimum,
    "over_reported": _over_reported,
    "materials": _materials,
    "parameters": _parameters,
    "stored": _stored,
    "function": _function,
}


def _model(paper: str, place: list[str]) -> tuple[ModelResult, str]:
    table, column, row, *metric = place
    model = next((one for one in _dataset(paper, table, column).models if one.row == row), None)
    if model is None:
        raise UserError(f"{paper} {table} {column} has no row {row!r}")
    return model, metric[0] if metric else plan.layout(paper, table, SCALE)["metrics"][0]


def _dataset(paper: str, table: str, column: str) -> DatasetResult:
    layout = plan.layout(paper, table, SCALE)
    if column not in layout["columns"]:
        raise UserError(f"{paper} {table} has no column {column!r}; it has: {', '.join(layout['columns'])}")
    return load_results(paper, table, SCALE, column)
