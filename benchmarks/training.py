"""Training against Keras' `Model.fit` and Adam: time per epoch and update, memory, its growth with the rows."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.child import fresh
from benchmarks.report import Line
from benchmarks.scale import prepared
from benchmarks.timing import GIB, keras_epochs
from common.data.splits import by_fractions
from common.features.ragged import Ragged
from common.sources import load_source
from common.train import devices
from common.train.loop import compile_network, train
from common.train.strategy.steps import training_step
from profitnet.features import ProfitFeatures
from profitnet.regressor import PROFiTNet

ROUNDS, EPOCHS = 3, 3
#: Networks whose updates are timed, and updates after the first one.
UPDATED, UPDATES = ("finder", "megnet", "profitnet"), 10


def _eps(times: int = 1):
    """Features, targets, training and validation rows of the eps dataset, repeated `times` times."""
    table = load_source("mp-structures").known("eps_profitnet")
    split = by_fractions(table)
    table = table.select((*split.train, *split.validation))
    model = PROFiTNet()
    made = model.features(table)
    inside = np.isin(table.ids[made.rows], split.train)
    targets = table.target("eps_profitnet").values[made.rows].astype(np.float32)
    features = ProfitFeatures(Ragged.concatenate([made.features.weights] * times), model.config)
    rows, inside = np.arange(times * len(made.rows)), np.tile(inside, times)
    return features, np.tile(targets, times), rows[inside], rows[~inside]


def epoch_time() -> tuple[list[Line], list[str]]:
    """Alternating blocks of our loop and `Model.fit`; the first epoch of a block traces and is dropped."""
    devices.setup(0)
    features, targets, train_rows, validation_rows = _eps()
    dense = features.batch(train_rows), features.batch(validation_rows)
    recipe = PROFiTNet(epochs=EPOCHS + 1).recipe
    ours, bare = [], []
    for _ in range(ROUNDS):
        state = train(PROFiTNet().build(), features, targets, train_rows, validation_rows, recipe, seed=0)
        ours += np.diff([row["seconds"] for row in state.history]).tolist()
        validation = {"validation_data": (dense[1], targets[validation_rows])}
        bare += keras_epochs(PROFiTNet().build(), dense[0], targets[train_rows], recipe, **validation)
    ratio = float(np.median(ours) / np.median(bare))
    reference = (
        f"Model.fit on dense arrays, batch {recipe.batch}, validation included: {np.median(bare):.2f} s an epoch; "
        f"ours {np.median(ours):.2f} s ({len(train_rows)} + {len(validation_rows)} rows)"
    )
    lines = [Line("epoch time, ours against bare Keras", ratio, "times", "<= 1.05", reference)]
    spread = "; ".join(
        f"{name} {min(values):.2f} to {max(values):.2f} s" for name, values in (("ours", ours), ("bare", bare))
    )
    return lines, [f"Medians of {len(ours)} epochs each, {ROUNDS} alternating blocks in one process: {spread}."]


def memory() -> tuple[list[Line], list[str]]:
    one, three = (fresh("benchmarks.training:train_eps", times) for times in (1, 3))
    growth = three["peak"] / one["peak"]
    lines = [
        Line("peak memory of training on eps", one["peak"] / GIB, "GiB", "< 2.5", "whole process, TensorFlow included"),
        Line(
            "the same with three times the rows",
            growth,
            "times",
            "<= 1.05",
            f"{three['rows']} rows against {one['rows']}",
        ),
    ]
    dense = three["rows"] * 136**2 * 4 / GIB
    return lines, [f"Two epochs each. As dense arrays the tripled rows alone would take {dense:.2f} GiB."]


def train_eps(times: int) -> dict[str, int]:
    devices.setup(0)
    features, targets, train_rows, validation_rows = _eps(times)
    train(PROFiTNet().build(), features, targets, train_rows, validation_rows, PROFiTNet(epochs=2).recipe, seed=0)
    return {"rows": len(targets)}


def optimizer() -> tuple[list[Line], list[str]]:
    """Processor time of updates on one thread by our Adam and by Keras' AdamW; the first update traces the network."""
    lines = []
    for name in UPDATED:
        found = fresh("benchmarks.training:time_updates", name)
        (first, later), (keras_first, keras_later) = found["fused"], found["keras"]
        for what, ours, theirs, target in (
            ("first update", first, keras_first, "<= 0.8"),
            ("later updates", later, keras_later, "<= 1.05"),
        ):
            reference = f"AdamW of Keras with the same schedule: {theirs:.3g} s, ours {ours:.3g} s"
            lines.append(Line(f"{name}, {what}", ours / theirs, "times", target, reference))
    return lines, [f"Without XLA; the least of {UPDATES} later updates."]


def time_updates(name: str) -> dict[str, list[float]]:
    """Least processor seconds of a first and of a later update, with each of the two optimizers."""
    devices.setup(0, threads=1)
    from keras import optimizers

    from common.nn.adam import FusedAdam

    regressor, features, targets = prepared(name)
    rows = np.resize(np.arange(len(targets)), regressor.recipe.batch)
    x, y = features.batch(rows), targets[rows]
    found: dict[str, list[list[float]]] = {"fused": [], "keras": []}
    for _ in range(2):  # the first round warms TensorFlow up
        for kind, times in found.items():
            schedule = optimizers.schedules.CosineDecay(1e-3, 1000)
            made = FusedAdam(schedule, decay=0.01) if kind == "fused" else optimizers.AdamW(schedule, weight_decay=0.01)
            model = regressor.build()
            compile_network(model, made, regressor.recipe.loss, xla=False)
            made.build(model.trainable_variables)
            times.append([])
            for _ in range(UPDATES + 1):
                started = time.process_time()
                training_step(model, x, y, None)
                times[-1].append(time.process_time() - started)
    return {kind: [times[1][0], min(times[1][1:])] for kind, times in found.items()}
