"""`python -m tests.distributed.networks DEVICES RESULT NAME ...`: a few updates of networks, from equal weights.

In a process of its own, since neither a backend nor its devices can be changed in one that runs. Weights come from
NumPy and nothing is dropped, so that two backends, or two numbers of devices, do the same arithmetic.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

EPOCHS, ROWS, BATCH = 2, 44, 16


def main(devices: str, result: str, names: list[str]) -> None:
    from common.data.splits import by_fractions
    from common.sources import load_source
    from common.train.strategy.select import wanted
    from experiments.declare.models import make_model

    table = load_source("mini")
    table = table.take(np.linspace(0, len(table) - 1, ROWS).astype(int))
    split = by_fractions(table, (7, 3, 0))
    found = {}
    for name in names:
        changes = {"epochs": EPOCHS, "batch": BATCH, "learning_rate": 1e-4}
        model = make_model({"model": name, "variant": "corrected", "seed": 0, "recipe": changes})
        model.recipe = replace(model.recipe, xla=False)
        model.devices = wanted(devices)
        build, lie_on = model.build, []

        def looked_at(build=build, lie_on=lie_on):
            made = prepared(build())
            lie_on.append(copies(made))
            return made

        model.build = looked_at
        state = model.fit(table, "formation_energy", split).state
        # Else one device alone would do what one device does. Of several machines each sees its own copy only.
        assert devices == "all" or lie_on[0] == int(devices), f"{name} was trained on {lie_on[0]} devices"
        found[name] = [[row["loss"], row["validation_MAE"]] for row in state.history]
        Path(result).write_text(json.dumps(found))


def prepared(model):
    """The network with weights of one kind on every backend, and without dropout, whose masks differ."""
    random = np.random.default_rng(0)
    for layer in model.layers:
        if hasattr(layer, "rate"):
            layer.rate = 0.0
    model.set_weights([_values(variable, random) for variable in model.weights])
    return model


def copies(model) -> int:
    """The devices of this process on which the weights lie."""
    value = model.variables[0].value
    if hasattr(value, "sharding"):  # of JAX
        return len(value.sharding.device_set)
    values = getattr(value, "values", None)  # of TensorFlow's strategies; a method elsewhere
    return len(values) if isinstance(values, tuple) else 1


def _values(variable, random) -> np.ndarray:
    if "seed_generator" in variable.path:
        return np.zeros(variable.shape, dtype=np.uint32)
    if "variance" in variable.path or "gamma" in variable.path:
        return np.ones(variable.shape, dtype=np.float32)
    if len(variable.shape) < 2:
        return 0.01 * random.normal(size=variable.shape).astype(np.float32)
    inputs = np.prod(variable.shape[:-1])
    return (random.normal(size=variable.shape) / inputs**0.5).astype(np.float32)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
