"""The numbered statements of a paper (`experiments/papers/<paper>/claims.yaml`) beside what the stored results give.

Each statement says how ours is computed; no number of ours is written down. One key of `ours` names the method:

error: [table, column, row] and perhaps a metric; the table's first one where none is given
reduction: [[...], [...]]   by how many per cent the first error is lower than the second, on the splits of both
increase: [[...], [...]]    by how many per cent the first error is higher
ratio: [[...], [...]]       the first over the second
difference: [[...], [...]]  the first less the second
lowest: {row, among, of}    in how many of the columns `of` the row has a lower error than every row of `among`
over_reported: [...]        our error over the published one, on the same folds where these are published
minimum: {among, of}        the lowest error of these rows in one column
materials: [table, column]  the size of the data set
parameters: row             trained weights of a row of the table of all models
stored: [file, key, ...]    a number of a report that is stored beside the results
function: [module:function, argument, ...]
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import numpy as np
import yaml

from common.errors import UserError
from experiments.analyses.results import DatasetResult, ModelResult, load_results
from experiments.analyses.text_table import NONE
from experiments.declare import plan
from experiments.report.document import PaperReport, ResultTable
from experiments.run.store import results_root

SCALE = "real"
#: How far from the paper's value still confirms it, in per cent, where a statement says nothing else.
NEAR = 10.0
HEAD = ["statement", "in the paper", "paper's value", "ours", "verdict"]
KEYS = {"statement", "where", "paper", "unit", "ours", "expect", "data", "because", "untestable", "not_run"}
#: Why a statement has no value of ours.
UNTESTED = {"untestable": "not testable here", "not_run": "not run yet"}
VERDICTS = ("confirmed", "not confirmed", "differs", "not testable here", "not run yet")
MEANING = (
    "Confirmed: our stored results give the stated value within 10 %, or the stated order or bound. Where our data are "
    "not the paper's, the column of ours says so. A statement that our results do not confirm differs for the given "
    "reason, or is not confirmed where no reason is known."
)


@dataclass(frozen=True)
class Claim:
    """One statement with our value and the verdict."""

    statement: str
    where: str
    paper: str
    ours: str
    verdict: str


def table(paper: str) -> ResultTable:
    rows = [[one.statement, one.where, one.paper, one.ours, one.verdict] for one in load(paper)]
    return ResultTable("The paper's claims and what ours give", HEAD, rows, words=(0, 1, 3, 4))


def counts(papers: list[PaperReport]) -> list[str]:
    """A line a paper: how many of its claims have which verdict."""
    lines = []
    for paper in papers:
        found = Counter(next(v for v in VERDICTS if row[-1].startswith(v)) for row in paper.claims.rows)
        if found:
            listed = ", ".join(
                f"{found[verdict]} {verdict.replace('differs', 'with another value')}"
                for verdict in VERDICTS
                if found[verdict]
            )
            lines.append(f"* Claims of {paper.name}: {listed} ([all](docs/results/{paper.name}.md)).")
    return lines


def load(paper: str) -> list[Claim]:
    path = plan.folder(paper) / "claims.yaml"
    declared = yaml.safe_load(path.read_text()) if path.exists() else []
    return [_claim(paper, one, f"{path}, statement {number}") for number, one in enumerate(declared, 1)]


def _claim(paper: str, one: dict, place: str) -> Claim:
    if unknown := set(one) - KEYS:
        raise UserError(f"{place}: unknown key {sorted(unknown)[0]!r}; the keys are {', '.join(sorted(KEYS))}")
    if len(set(one) & {"ours", *UNTESTED}) != 1:
        raise UserError(f"{place}: give one of ours, {', '.join(UNTESTED)}")
    stated, unit = one.get("paper"), one.get("unit", "")
    printed = NONE if stated is None else _number(stated, unit) if isinstance(stated, int | float) else stated
    for key, verdict in UNTESTED.items():
        if key in one:
            return Claim(one["statement"], one["where"], printed, NONE, f"{verdict}: {one[key]}")
    ((method, argument),) = one["ours"].items()
    if method not in METHODS:
        raise UserError(f"{place}: unknown method {method!r}; the methods are {', '.join(METHODS)}")
    value = METHODS[method](paper, argument)
    if value is None:
        return Claim(one["statement"], one["where"], printed, NONE, "not run yet")
    if isinstance(value, tuple):
        met, ours = value[0] == value[1], f"in {value[0]} of {value[1]}"
    else:
        met, ours = _met(value, stated, one.get("expect", {})), _number(value, unit)
    ours += f", {one['data']}" if "data" in one else ""
    reason = f"differs, because {one['because']}" if "because" in one else "not confirmed"
    return Claim(one["statement"], one["where"], printed, ours, "confirmed" if met else reason)


def _met(value: float, stated: Any, expect: dict) -> bool:
    """Whether a value lies above, below or near what is expected."""
    if "above" in expect or "below" in expect:
        return expect.get("above", -np.inf) < value < expect.get("below", np.inf)
    return abs(value - stated) <= expect.get("within", NEAR) / 100 * abs(stated)


def _number(value: float, unit: str) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


# --- methods -------------------------------------------------------------------------------------


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
