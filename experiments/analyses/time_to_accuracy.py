"""How much training the recipe `fast` needs to the validation error that the paper's recipe ends with.

Both are counted in epochs and updates of the weights, which do not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

import numpy as np

from common.plots import BLUE, PALE, panels, read_history, with_unit
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.results import load_stored
from experiments.analyses.text_table import NONE, TextTable
from experiments.declare import plan
from experiments.run.store import folder_of, results_root

#: Ends the name of a row that is trained with the recipe `fast`; the rest names the row with the paper's.
FAST = " (fast)"
#: The inches of a panel.
PANEL = (3.0, 2.4)
HEAD = [
    "network",
    "split",
    "validation MAE to reach",
    "lowest, fast",
    "epochs, paper's recipe",
    "epochs, fast",
    "epochs, ratio",
    "updates, ratio",
    "test MAE, paper's recipe",
    "test MAE, fast",
]


def finder_fast() -> dict:
    return compared("finder", "matbench-formula")


def profitnet_fast() -> dict:
    return compared("profitnet", "figure3")


def esnet_fast() -> dict:
    return compared("esnet", "fast")


def grand_fast() -> dict:
    return compared("grand", "fast")


def compared(paper: str, table: str) -> dict:
    """Column -> list of comparisons, one per network and split on which both recipes were run."""
    report: dict = {}
    layout = plan.layout(paper, table, "real")
    for column in layout["columns"]:
        for row in (name for name in layout["rows"] if name.endswith(FAST)):
            network = row.removesuffix(FAST)
            before, after = (
                {run.seed: run for run in plan.runs_of(paper, table, "real", column, name)} for name in (network, row)
            )
            for seed in before.keys() & after.keys():
                first, second = load_stored(before[seed]), load_stored(after[seed])
                if not (first and second):
                    continue
                pair = (before[seed], after[seed])
                made = {"network": network, "split": seed, "unit": first[0].unit, **reached(*map(_history, pair))}
                made["an_epoch"] = [_updates(first[1]), _updates(second[1])]
                made["test"] = [float(p.metrics()["MAE"]) for p, _ in (first, second)]
                made["runs"] = [run.key for run in pair]
                report.setdefault(column, []).append(made)
    return report


def reached(paper: Sequence[float], fast: Sequence[float]) -> dict:
    """The lowest validation errors, and the epochs in which each recipe reaches that of the paper's; None for never."""
    goal = min(paper)
    return {"goal": goal, "lowest": min(fast), "epochs": [_first(paper, goal), _first(fast, goal)]}


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
    epochs = one["epochs"]
    updates = [number and number * each for number, each in zip(epochs, one["an_epoch"], strict=True)]
    ratios = [f"{before / after:.1f}" if after else NONE for before, after in (epochs, updates)]
    shown = [str(epochs[0]), str(epochs[1] or "not reached")]
    errors = [f"{error:.4g}" for error in (one["goal"], one["lowest"], *one["test"])]
    return [one["network"], str(one["split"]), *errors[:2], *shown, *ratios, *errors[2:]]


def draw(datasets: Sequence[DatasetPredictions], folder: Path, declared: dict) -> Iterator[Path]:
    """Validation error against updates of the weights, a picture per dataset and a panel per network."""
    for dataset in datasets:
        found = declared["stored"].get(dataset.name, [])
        networks = list(dict.fromkeys(one["network"] for one in found))
        if not networks:
            continue
        path = folder / f"{plan.slug(dataset.name)}.png"
        label = with_unit("validation MAE", found[0]["unit"])
        with panels(path, len(networks), PANEL) as places:
            for axes, network in zip(places, networks, strict=True):
                _draw_network(axes, [one for one in found if one["network"] == network], label)
                axes.set_title(network)
        yield path


def _draw_network(axes, found: list[dict], label: str) -> None:
    for one in found:
        for key, updates, colour, name in zip(
            one["runs"], one["an_epoch"], (PALE, BLUE), ("paper's recipe", "fast"), strict=True
        ):
            errors = read_history(results_root() / key / "history.csv")["validation_MAE"]
            first = one is found[0]
            axes.plot(
                updates * np.arange(1, len(errors) + 1),
                errors,
                color=colour,
                linewidth=0.8,
                label=name if first else None,
            )
    low = min(min(one["goal"], one["lowest"]) for one in found)
    axes.set(xscale="log", ylim=(0.9 * low, 3 * low), xlabel="updates of the weights", ylabel=label)
    axes.legend(fontsize=7)
