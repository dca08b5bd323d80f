"""A small network on fifty made-up materials, which trains in a moment."""

from __future__ import annotations

import numpy as np

from common.train.loop import train
from common.train.recipes.recipe import Recipe

RECIPE = Recipe(batch=8, epochs=4, learning_rate=0.01, checkpoint_seconds=0)
ROWS, VALIDATION = np.arange(40), np.arange(40, 50)


class Plain:
    """Features that are already an array."""

    def __init__(self, values):
        self.values = values

    def batch(self, rows):
        return self.values[rows]


def small(seed: int = 0, width: int = 5, dropout: float = 0.1):
    from common.train import devices

    devices.setup(seed)
    from keras import Input, Sequential, layers

    return Sequential([Input((3,)), layers.Dense(width, activation="tanh"), layers.Dropout(dropout), layers.Dense(1)])


def run(data, recipe=RECIPE, *, seed=0, rows=ROWS, validation=VALIDATION, folder=None, width=5):
    model = small(seed, width)
    state = train(model, *data, rows, validation, recipe, seed=seed, folder=folder)
    return model, state


def lines(state) -> list[dict]:
    """The history without the clock."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in state.history]
