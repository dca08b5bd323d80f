"""Losses by name, for networks that also say how sure they are."""

from __future__ import annotations

#: Beyond this the logarithm of a scale is cut off.
LOG_LIMIT = 10.0
ROBUST = ("robust_l1",)


def by_name(name: str):
    """A loss for `model.compile`: one of ours, or what Keras knows under this name."""
    return {"robust_l1": robust_l1}.get(name, name)


def mean_of(name: str, targets, outputs) -> float:
    """The mean loss of these outputs, as `Model.fit` would report it."""
    import keras
    import numpy as np

    loss = keras.losses.get(by_name(name))
    outputs = np.asarray(outputs, dtype=np.float32)
    each = loss(np.asarray(targets, dtype=np.float32).reshape(len(outputs), -1), outputs)
    return float(np.mean(keras.ops.convert_to_numpy(each)))  # NumPy takes no mean of a tensor of PyTorch


def with_uncertainty(name: str) -> bool:
    """Whether networks trained with this loss have a log scale beside every mean."""
    return name in ROBUST


def robust_l1(target, outputs):
    """sqrt(2) |mean - y| exp(-s) + s: the likelihood of a Laplace distribution with standard deviation exp(s).

    outputs (batch, 2 m): m means, then m logarithms of the standard deviation.
    """
    from keras import ops

    mean, log = ops.split(outputs, 2, axis=-1)
    log = ops.clip(log, -LOG_LIMIT, LOG_LIMIT)
    error = ops.abs(mean - ops.reshape(ops.cast(target, mean.dtype), ops.shape(mean)))
    return ops.mean(2**0.5 * error * ops.exp(-log) + log, axis=-1)
