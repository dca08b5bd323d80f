"""Data-parallel training: every batch is divided among devices, and the update is that of the whole batch.

    devices = 1          no distribution
    devices = N, "all"   TensorFlow: `MirroredStrategy` on N accelerators, or `MultiWorkerMirroredStrategy` on those of
                         all machines that TF_CONFIG names; JAX: `keras.distribution.DataParallel` on N accelerators

Without accelerators, N logical parts of the processor stand for them, for tests.

On TensorFlow each device gets some of the rows as a batch of its own, flat lists of atoms and pairs included, with
weights that make the mean of the gradients that of the whole batch; batch normalization takes its statistics over all
devices. On JAX the arrays of a batch are sharded over the devices where their lengths can be divided by the number of
devices; the result is that of one device.
"""

from __future__ import annotations

import os
from functools import lru_cache

from common.errors import UserError
from common.io.messages import note
from common.train.devices import quiet_backend
from common.train.strategy.base import SINGLE_DEVICE, Strategy


def wanted(devices: int | str | None = None) -> int | str:
    """The requested number of devices: the argument, else MATREPRO_DEVICES, else 1."""
    text = str(devices if devices is not None else os.environ.get("MATREPRO_DEVICES", "1"))
    if text == "all":
        return text
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"{text!r} is no number of devices; give 1, 2, ... or all (--devices, MATREPRO_DEVICES)")
    return int(text)


def on(devices: int | str | None = None) -> Strategy:
    """The strategy for this number of devices, made once per process: backends cannot be set up twice."""
    found = wanted(devices)
    return SINGLE_DEVICE if found == 1 else _several(found)


@lru_cache(maxsize=4)
def _several(devices: int | str) -> Strategy:
    quiet_backend()
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        from common.train.strategy.tf_distribute import Mirrored, local_devices, several_machines

        if several_machines():
            return Mirrored([])
        names = _checked(local_devices(devices))
        return SINGLE_DEVICE if len(names) == 1 else Mirrored(names)
    if backend == "jax":
        from common.train.strategy.jax_sharding import Sharded, local_devices

        names = _checked(local_devices(devices))
        return SINGLE_DEVICE if len(names) == 1 else Sharded(names)
    raise UserError(f"training on several devices needs KERAS_BACKEND=tensorflow or jax; it is {backend}")


def _checked(names: list[str]) -> list[str]:
    """The devices, with a warning if they are parts of the CPU, on which several train no faster than one."""
    if len(names) > 1 and "cpu" in names[0].lower():
        note(f"warning: no accelerator found; {len(names)} virtual CPU devices train, no faster than --devices 1")
    return names
