"""Data-parallel training on TensorFlow, with `tf.distribute`; see `common.train.strategy.select`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import numpy as np

from common.errors import UserError
from common.train.batches import microbatches
from common.train.strategy.base import Strategy, enough, over_devices


def several_machines() -> bool:
    """Whether TF_CONFIG names several machines that train together."""
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        found = json.loads(text)
        return bool(found.get("cluster")) and bool(found["task"]["type"])
    except (ValueError, AttributeError, KeyError, TypeError):
        raise UserError(f"TF_CONFIG is not JSON with cluster and task: {text[:80]}") from None


def local_devices(devices: int | str) -> list[str]:
    """Names of this many GPUs, or of logical parts of the processor where there are none."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus and devices != "all":
        parts = [tf.config.LogicalDeviceConfiguration()] * int(devices)
        with suppress(RuntimeError):  # TensorFlow has been used already
            tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
    kind = "GPU" if gpus else "CPU"
    return enough([device.name for device in tf.config.list_logical_devices(kind)], devices, "CPU:0")


class Mirrored(Strategy):
    """`tf.distribute`: a copy of the model on every device; gradients are summed over all devices."""

    def __init__(self, names: list[str]):
        """names: of devices of this machine; none for those of all machines, which TensorFlow must find by itself."""
        import tensorflow as tf

        if not names:
            self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
            self.chief = self.strategy.cluster_resolver.task_id in (0, None)
        else:
            # Copies through the host; NCCL, the default, knows GPUs only.
            ways = None if "GPU" in names[0] else tf.distribute.HierarchicalCopyAllReduce()
            self.strategy = tf.distribute.MirroredStrategy(names, cross_device_ops=ways)
        self.replicas = self.strategy.num_replicas_in_sync
        self._traced: dict[int, tuple[Any, Any]] = {}

    @contextmanager
    def scope(self) -> Iterator[None]:
        import tensorflow as tf

        def creator(make: Any, **options: Any) -> Any:
            """Variables that a layer or a constraint changes are equal on all devices, so any aggregation will do."""
            if options.get("aggregation") in (None, tf.VariableAggregation.NONE):
                options["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
            return make(**options)

        with self.strategy.scope(), tf.variable_creator_scope(creator):
            yield

    def prepare(self, model: Any, compiled: bool) -> bool:
        from keras.layers import BatchNormalization

        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer._moments = _moments_of_all(layer)
        return False  # XLA cannot compile sums over devices

    def optimizer(self, kind: type) -> type:
        return _clipping_whole(kind)

    def accumulation_steps(self, wanted: int) -> int:
        """Every device has its share at once, which takes as much memory as `replicas` microbatches in turn."""
        return 1

    def epoch(self, batches: Any, number: int) -> Iterator:
        for rows, share in batches.updates(number):
            cut = list(microbatches(rows, self.replicas))
            x, y, weights = self._values(lambda k: self._piece(batches, *cut[k]))  # noqa: B023
            yield x, y, weights, share

    def _piece(self, batches: Any, rows: np.ndarray, weights: np.ndarray | None) -> tuple:
        return batches.features.batch(rows), batches.targets[rows], weights

    def _values(self, of: Callable[[int], Any]) -> Any:
        """`of(k)` for every device k of this process, as distributed values."""
        import tensorflow as tf
        from keras import tree

        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tree.map_structure(tf.convert_to_tensor, of(context.replica_id_in_sync_group))
        )

    def update(self, model: Any, x: Any, y: Any, weights: Any) -> float:
        model.reset_metrics()
        return float(self._functions(model)[0]((x, y, weights)))

    def outputs(self, model: Any, features: Any, rows: np.ndarray) -> np.ndarray:
        """Every device predicts some of the rows, and every process gathers them all."""
        full = np.arange(max(len(rows), self.replicas)) % len(rows)
        cut = np.array_split(rows[full], self.replicas)
        x = self._values(lambda k: features.batch(cut[k]))
        found = self._functions(model)[1](x)
        return np.asarray(self.strategy.gather(found, axis=0))[: len(rows)]

    def _functions(self, model: Any) -> tuple[Any, Any]:
        """An update and a prediction of this model, traced once."""
        if id(model) not in self._traced:
            import tensorflow as tf

            @tf.function(reduce_retracing=True)
            def update(data: Any) -> Any:
                losses = self.strategy.run(model.train_step, args=(data,))["loss"]
                return self.strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)

            @tf.function(reduce_retracing=True)
            def forward(x: Any) -> Any:
                return self.strategy.run(lambda inputs: model(inputs, training=False), args=(x,))

            self._traced = {id(model): (update, forward)}
        return self._traced[id(model)]

    def agree(self, epoch: int) -> None:
        mine = self._values(lambda k: np.array([epoch]))
        epochs = np.unique(np.asarray(self.strategy.gather(mine, axis=0)))
        if len(epochs) > 1:
            raise UserError(
                f"the machines would resume from epochs {', '.join(map(str, epochs))}; put the model on a disk that "
                "all of them share"
            )


@lru_cache(maxsize=8)
def _clipping_whole(kind: type) -> type:
    """An optimizer that clips gradients after their sum over the devices."""
    import tensorflow as tf

    class Whole(kind):
        def _clip_gradients(self, grads: list) -> list:
            if not self.clipnorm:
                return super()._clip_gradients(grads)
            # The gradient of an embedding has the rows that were looked up, which differ in shape between devices. One
            # all-reduce on stop-gradient tensors avoids minutes of gradient tracing.
            return super()._clip_gradients(over_devices([tf.stop_gradient(tf.convert_to_tensor(g)) for g in grads]))

        def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
            return grads_and_vars if self.clipnorm else super()._all_reduce_sum_gradients(grads_and_vars)

    Whole.__name__ = kind.__name__
    return Whole


def _moments_of_all(layer: Any) -> Any:
    """Mean and variance of a batch that is divided among devices, for Keras's batch normalization.

    Keras's own way sums the values, their squares and their number apart, and the gradients of these sums then meet
    those of other layers on other devices. Here each sum waits for the one before.
    """

    def moments(inputs: Any, mask: Any) -> Any:
        import tensorflow as tf

        x = tf.cast(inputs, tf.float32)
        axes = [axis for axis in range(len(x.shape)) if axis != len(x.shape) - 1]
        count = over_devices(tf.cast(tf.size(x) // tf.shape(x)[-1], tf.float32))
        mean = over_devices(tf.reduce_sum(x, axes)) / count
        variance = over_devices(tf.reduce_sum((x - mean) ** 2, axes)) / count
        return tf.cast(mean, inputs.dtype), tf.cast(variance, inputs.dtype)

    return moments
