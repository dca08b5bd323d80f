"""How much training the recipe `fast` needs to the validation error that the paper's recipe ends with.

Both are counted in epochs and updates of the weights, which do not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from common.plots import read_history, with_unit
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.results import load_stored
from experiments.analyses.text_table import NONE, TextTable
from experiments.declare import plan
from experiments.run.store import folder_of

HEAD = [
    "split",
    "validation MAE to reach",
    "epochs, paper's recipe",
    "epochs, fast",
    "epochs, ratio",
    "updates, ratio",
    "test MAE, paper's recipe",
    "test MAE, fast",
]


def finder_fast() -> dict:
    return compared("finder", "matbench-formula", "Finder")


def profitnet_fast() -> dict:
    return compared("profitnet", "figure3", "PROFiT-Net")


def compared(paper: str, table: str, row: str) -> dict:
    """Column -> list of comparisons, one per split on which both recipes were run."""
    runs = {(run.column, run.row, run.seed): run for run in plan.runs(paper, table, "real")}
    report: dict = {}
    for (column, name, seed), run in runs.items():
        if name != f"{row} (fast)" or (column, row, seed) not in runs:
            continue
        first, second = load_stored(runs[column, row, seed]), load_stored(run)
        if first and second:
            histories = [_history(runs[column, row, seed]), _history(run)]
            made = {"split": seed, "unit": first[0].unit, **reached(*histories)}
            made["updates"] = [
                e and e * _updates(r) for e, r in zip(made["epochs"], (first[1], second[1]), strict=True)
            ]
            made["test"] = [float(p.metrics()["MAE"]) for p, _ in (first, second)]
            report.setdefault(column, []).append(made)
    return report


def reached(paper: Sequence[float], fast: Sequence[float]) -> dict:
    """The lowest validation error of the first history, and the epochs in which each reaches it; None for never."""
    goal = min(paper)
    return {"goal": goal, "epochs": [_first(paper, goal), _first(fast, goal)]}


def _first(errors: Sequence[float], goal: float) -> int | None:
    return next((epoch for epoch, error in enumerate(errors, 1) if error <= goal), None)


def _history(run: plan.Run) -> list[float]:
    return read_history(folder_of(run) / "history.csv")["validation_MAE"].tolist()


def _updates(record: dict) -> int:
    """Updates of the weights in an epoch."""
    return ceil(record["split"]["n_train"] / record["resolved"]["recipe"]["batch"])


def table(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    made = []
    for dataset in datasets:
        found = declared["stored"].get(dataset.name, [])
        if not found:
            made.append(TextTable.not_run(dataset.name))
            continue
        made.append(TextTable(with_unit(dataset.name, found[0]["unit"]), HEAD, [_line(one) for one in found]))
    return made


def _line(one: dict) -> list[str]:
    epochs, updates = one["epochs"], one["updates"]
    ratios = [f"{before / after:.1f}" if after else NONE for before, after in (epochs, updates)]
    shown = [str(epochs[0]), str(epochs[1] or "not reached")]
    return [str(one["split"]), f"{one['goal']:.4g}", *shown, *ratios, *(f"{error:.4g}" for error in one["test"])]
