"""Data-parallel training: every batch is divided among devices, and the update is that of the whole batch.

    devices = 1          nothing of this
    devices = N, "all"   TensorFlow: `MirroredStrategy` on N accelerators, or `MultiWorkerMirroredStrategy` on those of
                         all machines that TF_CONFIG names; JAX: `keras.distribution.DataParallel` on N accelerators

Without accelerators N parts of the processor stand for them, which is of use for trying this out.

On TensorFlow each device gets a part of the rows as a batch of its own, flat lists of atoms and pairs included, with
the weights that make the mean of their gradients that of the whole batch; batch normalisation takes its statistics over
all of them. On JAX the arrays of one batch are laid across the devices, as far as their lengths can be divided by
their number, and the compiler sees to it that the result is that of one device.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from functools import lru_cache

import numpy as np

from common.errors import UserError


def wanted(devices: int | str | None = None) -> int | str:
    """The number of devices that is asked for: this one, or that of MATREPRO_DEVICES, or 1."""
    text = str(devices if devices is not None else os.environ.get("MATREPRO_DEVICES", "1"))
    if text == "all":
        return text
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"{text!r} is no number of devices; give 1, 2, ... or all (--devices, MATREPRO_DEVICES)")
    return int(text)


def on(devices: int | str | None = None) -> OneDevice:
    """What trains on so many devices; found once a process, since backends cannot be set up twice."""
    found = wanted(devices)
    return ONE if found == 1 else _several(found)


class OneDevice:
    """The usual case. `chief`: whether this process writes files."""

    replicas, chief = 1, True

    def scope(self):
        """Models are built, trained and restored within it."""
        return nullcontext()

    def prepare(self, model, compiled: bool) -> bool:
        """Make a new model ready; returns whether it may be compiled by XLA."""
        return compiled

    def optimizer(self, kind: type) -> type:
        """The class of optimiser to use in place of this one."""
        return kind

    def parts(self, wanted: int) -> int:
        """Pieces, one after the other, into which a batch is cut to save memory."""
        return wanted

    def epoch(self, batches, number: int) -> Iterator:
        return batches.epoch(number)

    def update(self, model, x, y, weights) -> float:
        """One update; its loss."""
        return float(np.ravel(model.train_on_batch(x, y, sample_weight=weights))[0])

    def outputs(self, model, features, rows: np.ndarray) -> np.ndarray:
        return model.predict_on_batch(features.batch(rows))

    def agree(self, epoch: int) -> None:
        """Refuse to go on where the processes of a run stand at different epochs."""


ONE = OneDevice()


@lru_cache(maxsize=4)
def _several(devices: int | str) -> OneDevice:
    from common.devices import quiet_backend

    quiet_backend()
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        from common.mirrored import Mirrored, local_devices, several_machines

        if several_machines():
            return Mirrored([])
        names = local_devices(devices)
        return ONE if len(names) == 1 else Mirrored(names)
    if backend == "jax":
        from common.sharded import Sharded, local_devices

        names = local_devices(devices)
        return ONE if len(names) == 1 else Sharded(names)
    raise UserError(f"training on several devices needs KERAS_BACKEND=tensorflow or jax; it is {backend}")


def enough(names: list[str], devices: int | str, what: str) -> list[str]:
    """As many of these devices as are asked for; `what` stands for the only one where there is no list."""
    if devices == "all":
        return names or [what]
    if devices > len(names):
        raise UserError(f"{devices} devices are asked for and there are {len(names)}; give --devices {len(names)}")
    return names[:devices]


def over_devices(x):
    """A sum within a layer, over all devices that work on parts of a batch."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return x
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)
