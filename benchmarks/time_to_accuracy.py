"""Core-minutes until the lowest validation error of the paper's recipe, by that recipe and by `fast`.

The epochs are those of the stored trainings (`experiments/analyses/time_to_accuracy.py`). The processor time of an
epoch is measured here, on one thread, for both recipes one after the other, without the first one, which traces the
network.
"""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import fmean

from benchmarks.child import fresh
from benchmarks.report import Line
from common.errors import UserError
from common.sources import load_source
from common.train import devices
from experiments.analyses.time_to_accuracy import FAST, compared
from experiments.declare import plan
from experiments.declare.models import make_model
from experiments.run.inputs import make_split

#: Tables with rows of both recipes, and how much less time the fast one should take.
TABLES = {
    ("finder", "matbench-formula"): 4,
    ("profitnet", "figure3"): 4,
    ("esnet", "fast"): 4,
    ("grand", "fast"): 2,
}
#: Epochs that are timed after the one that traces.
EPOCHS = 3


def time_to_accuracy() -> tuple[list[Line], list[str]]:
    lines = []
    for (paper, table), factor in TABLES.items():
        for column, found in compared(paper, table).items():
            for network in dict.fromkeys(one["network"] for one in found):
                ones = [one for one in found if one["network"] == network]
                lines.append(_line(f"{network}, {column}", (paper, table, column, network), ones, factor))
    if not lines:
        raise UserError("no table has results of both recipes")
    return lines, [
        "Every stored split on which both recipes were run; a split that `fast` never solves counts as infinite time."
    ]


def _line(what: str, place: tuple[str, str, str, str], ones: list[dict], factor: int) -> Line:
    *where, network = place
    seconds = [fresh("benchmarks.time_to_accuracy:epoch", *where, row)["seconds"] for row in (network, network + FAST)]
    minutes = [fmean((one["epochs"][k] or float("inf")) * seconds[k] / 60 for one in ones) for k in (0, 1)]
    reached = sum(one["epochs"][1] is not None for one in ones)
    tests = [fmean(one["test"][k] for one in ones) for k in (0, 1)]
    text = (
        f"{minutes[0]:.3g} core-minutes ({seconds[0]:.3g} s an epoch), fast {minutes[1]:.3g} ({seconds[1]:.3g} s); "
        f"reached on {reached} of {len(ones)} splits; test MAE {tests[0]:.4g}, fast {tests[1]:.4g}"
    )
    return Line(what, minutes[0] / minutes[1], "times", f">= {factor}", text)


def epoch(paper: str, table: str, column: str, row: str) -> dict[str, float]:
    """Least processor seconds of an epoch with its validation, of the declared training on the first split."""
    import keras

    settings = plan.runs_of(paper, table, "real", column, row)[0].settings
    devices.setup(settings["seed"], threads=1)
    data = load_source(settings["source"]).known(settings["target"])
    ends: list[float] = []

    class Timer(keras.callbacks.Callback):
        def on_epoch_end(self, number, logs=None):
            ends.append(time.process_time())
            self.model.stop_training = len(ends) > EPOCHS

    split = make_split(data, settings["split"], settings["seed"])
    make_model(settings).fit(data, settings["target"], split, callbacks=[Timer()])
    return {"seconds": min(end - start for start, end in pairwise(ends))}
