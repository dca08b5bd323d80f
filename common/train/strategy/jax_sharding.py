"""Data-parallel training on JAX, with `keras.distribution`; see `common.train.strategy.select`."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from typing import Any

import numpy as np

from common.errors import UserError
from common.train.strategy.base import Strategy, enough


def local_devices(devices: int | str) -> list[str]:
    """Names of this many accelerators, or of logical parts of the processor where there are none."""
    import jax
    import keras

    if devices != "all" and jax.config.jax_num_cpu_devices < 1:
        with suppress(RuntimeError):  # JAX has started already
            jax.config.update("jax_num_cpu_devices", int(devices))
    if jax.process_count() > 1:
        raise UserError("several machines need KERAS_BACKEND=tensorflow and TF_CONFIG; JAX trains on those of one")
    return enough(keras.distribution.list_devices(), devices, "cpu:0")


class Sharded(Strategy):
    """`keras.distribution`: one program whose batches are sharded over the devices."""

    def __init__(self, names: list[str]):
        from keras.distribution import DataParallel, DeviceMesh, TensorLayout

        class WhereItDivides(DataParallel):
            """Arrays whose rows cannot be divided evenly are replicated on every device; the result is the same."""

            def get_data_layout(self, shape: tuple) -> Any:
                even = len(shape) > 0 and shape[0] % self.num_model_replicas == 0
                if even:
                    return super().get_data_layout(shape)
                return TensorLayout([None] * len(shape), self.device_mesh)

        self.replicas = len(names)
        self.distribution = WhereItDivides(DeviceMesh((len(names),), ["batch"], np.array(names)))

    def scope(self) -> AbstractContextManager[Any]:
        return self.distribution.scope()

    def outputs(self, model: Any, features: Any, rows: np.ndarray) -> Any:
        import jax
        from keras import tree

        def laid_out(array: Any) -> Any:
            return jax.device_put(array, self.distribution.get_data_layout(array.shape).backend_layout)

        return model.predict_on_batch(tree.map_structure(laid_out, features.batch(rows)))
