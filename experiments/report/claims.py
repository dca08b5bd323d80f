"""The numbered statements of a paper (`experiments/papers/<paper>/claims.yaml`) beside what the stored results give.

Each statement says how ours is computed, by one of the methods of `experiments/analyses/claim_methods.py`; no number of
ours is written down.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from common.errors import UserError
from experiments.analyses.claim_methods import METHODS
from experiments.analyses.text_table import NONE
from experiments.declare import plan
from experiments.report.document import PaperReport, ResultTable

#: How far from the paper's value still confirms it, in per cent, where a statement says nothing else.
NEAR = 10.0
HEAD = ["statement", "in the paper", "paper's value", "ours", "verdict"]
KEYS = {"statement", "where", "paper", "unit", "ours", "expect", "data", "because", "possibly", "untestable", "not_run"}
#: Why a statement has no value of ours.
UNTESTED = {"untestable": "not testable here", "not_run": "not run yet"}
VERDICTS = ("confirmed", "not confirmed", "differs", "not testable here", "not run yet")
MEANING = (
    "Confirmed: our stored results give the stated value within 10 %, or the stated order or bound. Where our data are "
    "not the paper's, the column of ours says so. A statement that our results do not confirm differs for a reason "
    "where an experiment or a stated fact shows it; a possible reason was not tested alone."
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
    reason = "not confirmed"
    if "because" in one:
        reason = f"differs, because {one['because']}"
    elif "possibly" in one:
        reason += f"; possible reason, not tested: {one['possibly']}"
    return Claim(one["statement"], one["where"], printed, ours, "confirmed" if met else reason)


def _met(value: float, stated: Any, expect: dict) -> bool:
    """Whether a value lies above, below or near what is expected."""
    if "above" in expect or "below" in expect:
        return expect.get("above", -np.inf) < value < expect.get("below", np.inf)
    return abs(value - stated) <= expect.get("within", NEAR) / 100 * abs(stated)


def _number(value: float, unit: str) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()
