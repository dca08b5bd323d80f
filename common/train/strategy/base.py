"""The single-device strategy, and the helpers that all strategies share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from common.errors import UserError
from common.train.strategy.steps import prediction_step, training_step, untraced_prediction

#: Rows of a batch up to which a first prediction is not traced.
FEW = 32


class Strategy:
    """Training on one device, and the interface of the other strategies. `chief`: whether this process writes files."""

    replicas, chief = 1, True

    def scope(self) -> AbstractContextManager[Any]:
        """Models are built, trained and restored within it."""
        return nullcontext()

    def prepare(self, model: Any, compiled: bool) -> bool:
        """Make a new model ready; returns whether it may be compiled by XLA."""
        return compiled

    def optimizer(self, kind: type) -> type:
        """The class of optimizer to use instead of `kind`."""
        return kind

    def accumulation_steps(self, wanted: int) -> int:
        """Microbatches, one after the other, into which a batch is cut to save memory."""
        return wanted

    def epoch(self, batches: Any, number: int) -> Iterator:
        return batches.epoch(number)

    def update(self, model: Any, x: Any, y: Any, weights: Any) -> float:
        """One update of the weights; returns the loss."""
        if _backend() == "tensorflow":
            return training_step(model, x, y, weights)
        return float(np.ravel(model.train_on_batch(x, y, sample_weight=weights))[0])

    def outputs(self, model: Any, features: Any, rows: np.ndarray) -> Any:
        if _backend() == "tensorflow":
            return prediction_step(model, features.batch(rows))
        return model.predict_on_batch(features.batch(rows))

    def agree(self, epoch: int) -> None:
        """Raise an error if the processes of a run would resume from different epochs."""


def _backend() -> str:
    import keras

    return keras.backend.backend()


class Prediction(Strategy):
    """Prediction on one device outside of a training, where the first materials should not wait for a trace."""

    def outputs(self, model: Any, features: Any, rows: np.ndarray) -> Any:
        if len(rows) <= FEW and _backend() == "tensorflow":
            return untraced_prediction(model, features.batch(rows))
        return super().outputs(model, features, rows)


SINGLE_DEVICE, PREDICTION = Strategy(), Prediction()


def enough(names: list[str], devices: int | str, what: str) -> list[str]:
    """The first `devices` of these names; `what` is the name of the only device where there is no list."""
    if isinstance(devices, str):  # all
        return names or [what]
    if devices > len(names):
        raise UserError(f"{devices} devices are asked for and there are {len(names)}; give --devices {len(names)}")
    return names[:devices]


def over_devices(x: Any) -> Any:
    """Sum a tensor over all devices that share a batch; for use inside a layer."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return x
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)
