"""`matrepro first`: the project in two minutes, with its own networks and without any download."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from common.cli.checks import check_writable
from common.errors import UserError
from experiments.analyses.text_table import pipe_table
from experiments.declare import plan
from experiments.report import summary
from experiments.report.plots import figures
from experiments.report.sections import gather, section
from experiments.report.tables import markdown
from experiments.run import runner, store

#: What is trained: a network, a strong simple model and a constant.
PAPER, TABLE, SCALE, COLUMN = "profitnet", "figure3", "mini", "band gap (mini)"
ROWS = ("PROFiT-Net", "XGBoost-Magpie", "dummy")
NEXT = """Next:
  finder train mini --target band_gap --epochs 20 --batch 32 --model gap_model   train on formulas
  finder predict --model gap_model SrTiO3 NaCl                                   predict, with uncertainty
  make report                                                                    all results on one page, report.html
  make reproduce-profitnet                                                       every table of a paper, 8 to 15 minutes
"""


def first(arguments: Namespace) -> None:
    runs = [one for one in plan.runs(PAPER, TABLE, SCALE, only=ROWS) if one.column == COLUMN]
    todo = [one for one in runs if not store.finished(one)]
    if todo:
        check_writable(store.folder_of(todo[0]))
    failed = runner.run_all(todo, jobs=arguments.jobs)
    print(_finished_rows())
    pictures = figures.draw(PAPER, TABLE, SCALE, Path(arguments.output))
    papers = gather()
    short = summary.short_table(papers)
    if short.rows:
        print("The papers' own models on published data: reported errors and ours, from the results stored here\n")
        print("\n".join(pipe_table(short.head, short.rows)), end="\n\n")
    print(f"Plots of the models just trained: {arguments.output}/, {len(pictures)} files\n")
    print(NEXT, end="")
    if failed:
        raise UserError(f"{len(failed)} of {len(todo)} runs failed; the first: {failed[0]}")


def _finished_rows() -> str:
    """The table without what only `matrepro reproduce` runs."""
    made = section(PAPER, TABLE, SCALE)
    for one in made.tables:
        pairs = [(row, r) for row, r in zip(one.rows, one.results, strict=True) if r.finished]
        one.rows, one.results = [row for row, _ in pairs], [r for _, r in pairs]
    made.open = None
    return markdown(made)
