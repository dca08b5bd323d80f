"""Where every table and figure of a paper is made, or why it is open, from the declarations."""

from __future__ import annotations

from experiments.declare import plan
from experiments.report.document import ResultTable

HEAD = ["in the paper", "what it shows", "made by"]


def table(paper: str) -> ResultTable:
    """A row for every table and figure of a paper."""
    rows = [[name, one["what"], made_by(paper, one)] for name, one in plan.contents(paper).items()]
    return ResultTable("Tables and figures of the article", HEAD, rows, words=(0, 1, 2))


def made_by(paper: str, one: dict) -> str:
    if "open" in one:
        return f"open: {one['open']}"
    scales = {name: ", ".join(plan.declaration(paper)["tables"][name]["scales"]) for name in one.get("tables", [])}
    commands = [f"`{one['command']}`"] if "command" in one else []
    return "; ".join([*(f"`{name}` ({where})" for name, where in scales.items()), *commands])
