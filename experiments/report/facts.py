"""What a report is made of: results, the tables of text that show them, sections and papers.

Page and terminal show the same `Sheet`s, so that they cannot say different things. `sheets.py` makes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from experiments.analyses.derived import Part
from experiments.analyses.results import Line
from experiments.declare import plan

#: How far from the reported value counts as the same.
NEAR = 0.10
WITHIN = f"within {100 * NEAR:.0f} %"


@dataclass(frozen=True)
class Result:
    """One row of one column: what is stored of it, beside what the paper reports."""

    paper: str
    table: str
    scale: str
    column: str
    line: Line
    metric: str
    unit: str
    #: Declared runs, perhaps another table's; none where the declaration itself leaves the result open.
    cells: list[plan.Run]
    band: tuple[float, float] | None
    #: Why the paper's value stands beside ours without being compared, if so.
    aside: str = ""

    @property
    def row(self) -> str:
        return self.line.row

    @property
    def run(self) -> bool:
        return bool(self.line.values)

    @property
    def ratio(self) -> float | None:
        """Ours over the reported value; None where one of the two is missing or they are not to be compared."""
        reported = self.line.reported.get(self.metric)
        return self.line.mean(self.metric) / reported if self.run and reported and not self.aside else None

    @property
    def within(self) -> bool:
        return self.ratio is not None and abs(self.ratio - 1) <= NEAR

    @property
    def better(self) -> bool:
        return self.ratio is not None and self.ratio < 1

    def runs(self) -> list[tuple[plan.Run, dict | None]]:
        """Every declared cell with the record that is stored of it."""
        stored = {seed: record for seed, (_, record) in zip(self.line.seeds, self.line.stored, strict=True)}
        return [(cell, stored.get(cell.seed)) for cell in self.cells]

    @property
    def state(self) -> str:
        """How many of the declared splits are done, and why not all."""
        if not self.run:
            return f"open: {self.line.open}"
        done, all_of_them = len(self.line.seeds), len(self.cells)
        count = f"{done}" if done == all_of_them else f"{done} of {all_of_them}"
        return f"{count} {'split' if all_of_them == 1 else 'splits'}"


@dataclass
class Sheet(Part):
    """A table of text as the report shows it. `results` has one for every row, where the rows are results."""

    results: list[Result] = field(default_factory=list)
    #: Columns of words rather than numbers.
    words: tuple[int, ...] = (0,)


@dataclass
class Section:
    """A declared table at one scale."""

    paper: str
    table: str
    scale: str
    title: str
    note: str
    sheets: list[Sheet]
    #: What is open altogether, for which a line each is enough.
    open: Sheet | None = None

    @property
    def command(self) -> str:
        return f"matrepro reproduce {self.paper} {self.table} --scale {self.scale}"

    @property
    def unfinished(self) -> bool:
        """Whether the command would find something to run."""
        return any(len(r.line.seeds) < len(r.cells) for r in self.results)

    @property
    def results(self) -> list[Result]:
        return [r for sheet in (*self.sheets, *([self.open] if self.open else [])) for r in sheet.results]


@dataclass
class Paper:
    name: str
    title: str
    doi: str
    sections: list[Section]
    #: Tables that no scale but `mini` has.
    only_mini: list[str]
    #: Every table and figure of the article, and what makes it here.
    contents: Sheet

    @property
    def results(self) -> list[Result]:
        return [result for section in self.sections for result in section.results]


def verdict(result: Result) -> str:
    """How ours lies to the reported value, in words. Lower is better: every table's first metric is an error."""
    if not result.run:
        return "open"
    if result.ratio is None:
        return "not compared" if result.aside and result.metric in result.line.reported else "none reported"
    if result.within:
        return f"{WITHIN}, better" if result.better else WITHIN
    return f"better by {100 * (1 - result.ratio):.0f} %" if result.better else f"{100 * (result.ratio - 1):.0f} % above"


def all_results(papers: list[Paper]) -> Iterator[Result]:
    for paper in papers:
        yield from paper.results
