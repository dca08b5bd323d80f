"""What a report consists of: results, tables, sections, papers. Web page, Markdown and terminal show the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from experiments.analyses.results import ModelResult
from experiments.analyses.text_table import TextTable
from experiments.declare import plan

#: How far from the reported value counts as the same.
NEAR = 0.10
WITHIN = f"within {100 * NEAR:.0f} %"


@dataclass(frozen=True)
class Result:
    """One model on one dataset: what is stored of it, beside what the paper reports."""

    paper: str
    table: str
    scale: str
    column: str
    model: ModelResult
    metric: str
    unit: str
    #: Declared runs, perhaps another table's; none where the declaration itself leaves the result open.
    runs: list[plan.Run]
    band: tuple[float, float] | None
    #: Why the reported value is shown without being compared, if so.
    not_comparable: str = ""

    @property
    def row(self) -> str:
        return self.model.row

    @property
    def finished(self) -> bool:
        """Whether at least one run is stored."""
        return bool(self.model.values)

    @property
    def reported(self) -> float | None:
        return self.model.reported.get(self.metric)

    @property
    def ratio(self) -> float | None:
        return self.ratio_of(self.metric)

    def ratio_of(self, metric: str) -> float | None:
        """Ours over the reported value; None where one of the two is missing or they are not to be compared."""
        reported = self.model.reported.get(metric)
        comparable = self.finished and reported and not self.not_comparable
        return self.model.mean(metric) / reported if comparable else None

    @property
    def within(self) -> bool:
        return self.ratio is not None and abs(self.ratio - 1) <= NEAR

    @property
    def better(self) -> bool:
        return self.ratio is not None and self.ratio < 1

    def records(self) -> list[tuple[plan.Run, dict | None]]:
        """Every declared run with its stored record."""
        stored = {seed: record for seed, (_, record) in zip(self.model.seeds, self.model.stored, strict=True)}
        return [(run, stored.get(run.seed)) for run in self.runs]

    @property
    def state(self) -> str:
        """How many of the declared splits are finished, and why not all."""
        if not self.finished:
            return f"open: {self.model.open}"
        done, declared = len(self.model.seeds), len(self.runs)
        count = f"{done}" if done == declared else f"{done} of {declared}"
        return f"{count} {'split' if declared == 1 else 'splits'}"

    @property
    def verdict(self) -> str:
        """Comparison with the reported value. Lower is better: every table's first metric is an error."""
        if not self.finished:
            return "open"
        if self.ratio is None:
            return "none reported" if self.reported is None else "not compared"
        if self.within:
            return f"{WITHIN}, better" if self.better else WITHIN
        return f"better by {100 * (1 - self.ratio):.0f} %" if self.better else f"{100 * (self.ratio - 1):.0f} % above"


@dataclass
class ResultTable(TextTable):
    """A table as the report shows it. `results` has one for every row, where the rows are results."""

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
    tables: list[ResultTable] = field(default_factory=list)
    #: Datasets without any result, for which a line each is enough.
    open: ResultTable | None = None

    @property
    def command(self) -> str:
        return f"matrepro reproduce {self.paper} {self.table} --scale {self.scale}"

    @property
    def unfinished(self) -> bool:
        """Whether the command would find something to run."""
        return any(len(r.model.seeds) < len(r.runs) for r in self.results)

    @property
    def all_tables(self) -> list[ResultTable]:
        return [*self.tables, *([self.open] if self.open else [])]

    @property
    def results(self) -> list[Result]:
        return [result for table in self.all_tables for result in table.results]


@dataclass
class PaperReport:
    """All sections of one paper."""

    name: str
    title: str
    doi: str
    sections: list[Section]
    #: Tables that no scale but `mini` has.
    only_mini: list[str]
    #: The paper's statements with our verdicts, and what makes every table and figure of it here.
    claims: ResultTable
    coverage: ResultTable

    @property
    def results(self) -> list[Result]:
        return [result for section in self.sections for result in section.results]


def all_results(papers: Iterable[PaperReport]) -> Iterator[Result]:
    for paper in papers:
        yield from paper.results


def kind(result: Result) -> str:
    """CSS class of a verdict: better, near, above, plain (not compared) or open."""
    if result.ratio is None:
        return "plain" if result.finished else "open"
    return "near" if result.within else "better" if result.better else "above"
