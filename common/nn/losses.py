"""Loss functions by name, including those of networks that predict an uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: The logarithm of a scale is clipped to +- this value.
LOG_LIMIT = 10.0
ROBUST = ("robust_l1",)


def by_name(name: str) -> Callable[[Any, Any], Any] | str:
    """A loss for `model.compile`: one of ours, or the name of a Keras loss."""
    return {"robust_l1": robust_l1}.get(name, name)


def mean_of(name: str, targets: Any, outputs: Any) -> float:
    """The mean loss of outputs, as `Model.fit` reports it."""
    import keras
    import numpy as np

    loss = keras.losses.get(by_name(name))
    outputs = np.asarray(outputs, dtype=np.float32)
    each = loss(np.asarray(targets, dtype=np.float32).reshape(len(outputs), -1), outputs)
    return float(np.mean(keras.ops.convert_to_numpy(each)))  # NumPy cannot average PyTorch tensors


def with_uncertainty(name: str) -> bool:
    """Whether networks trained with this loss output the logarithm of a scale for every mean."""
    return name in ROBUST


def robust_l1(target: Any, outputs: Any) -> Any:
    """sqrt(2) |mean - y| exp(-s) + s: negative log-likelihood of a Laplace distribution with standard deviation exp(s).

    outputs (batch, 2 m): m means, then m logarithms of the standard deviation.
    """
    from keras import ops

    mean, log = ops.split(outputs, 2, axis=-1)
    log = ops.clip(log, -LOG_LIMIT, LOG_LIMIT)
    error = ops.abs(mean - ops.reshape(ops.cast(target, mean.dtype), ops.shape(mean)))
    return ops.mean(2**0.5 * error * ops.exp(-log) + log, axis=-1)
