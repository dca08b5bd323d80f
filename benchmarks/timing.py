"""Timing shared by the benchmarks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from common.train.recipes.recipe import Recipe

MIB, GIB = 2**20, 2**30


def best_of(repeat: int, work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> tuple[float, Any]:
    """Shortest time in seconds of `repeat` calls, and the result; `time.process_time` counts processor time."""
    best = float("inf")
    for _ in range(repeat):
        started = clock()
        result = work()
        best = min(best, clock() - started)
    return best, result


def total_processor_time() -> float:
    """Processor time in seconds of this process and of its children that have ended."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def keras_epochs(network: Any, inputs: Any, targets: np.ndarray, recipe: Recipe, **options: Any) -> list[float]:
    """Seconds of the epochs of `Model.fit` on dense arrays, without the first, which traces."""
    import keras

    network.compile(keras.optimizers.Adam(recipe.learning_rate), recipe.loss, jit_compile=False)
    ends: list[float] = []
    timer = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    network.fit(inputs, targets, batch_size=recipe.batch, epochs=recipe.epochs, verbose=0, callbacks=[timer], **options)
    return np.diff(ends).tolist()
