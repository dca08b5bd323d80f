"""Where every table and figure of the papers is made, or why it is open: a list from the declarations."""

from __future__ import annotations

from experiments.analyses.styles import pipe_table
from experiments.declare import plan

HEAD = ["in the paper", "what it shows", "made by"]
INTRODUCTION = (
    "`matrepro tables PAPER TABLE --scale real` prints a table, `matrepro figures` draws what belongs to it, `make "
    "reproduce-PAPER-TABLE` runs it."
)


def rows_of(paper: str) -> list[list[str]]:
    """A line of text for every table and figure of a paper."""
    return [[name, one["what"], made_by(paper, one)] for name, one in plan.contents(paper).items()]


def made_by(paper: str, one: dict) -> str:
    if "open" in one:
        return f"open: {one['open']}"
    texts = []
    for table in one.get("tables", []):
        scales = ", ".join(plan.declaration(paper)["tables"][table]["scales"])
        texts.append(f"`{table}` ({scales})")
    return "; ".join([*texts, *([f"`{one['command']}`"] if "command" in one else [])])


def render() -> str:
    """The whole list as Markdown."""
    parts = ["### Where every table and figure is made", INTRODUCTION]
    for paper in plan.papers():
        if rows := rows_of(paper):
            parts.append("\n".join([f"**{paper}**", "", *pipe_table(HEAD, rows)]))
    return "\n\n".join(parts) + "\n"
