"""Segment operations in `keras.ops`, for networks on flat lists of nodes and pairs.

n groups, m rows, c channels. Sums are in float32, whatever the precision of the network.
"""

from __future__ import annotations

from keras import ops

TINY = 1e-9


def at(x, index):
    """The rows of x at these indices."""
    return ops.take(x, index, axis=0)


def sum_within(x, group, n: int):
    """Sums (n, c) in float32 of the rows of x (m, c) by their group (m,)."""
    return ops.segment_sum(ops.cast(x, "float32"), group, n)


def highest_within(x, group, n: int):
    """Maxima (n, c) by group, without gradient, since a softmax does not depend on what is subtracted."""
    return ops.stop_gradient(ops.segment_max(ops.cast(ops.stop_gradient(x), "float32"), group, n))


def mean_within(x, weights, group, n: int):
    """Means (n, c) of the rows of x (m, c) by their group (m,), weighted by weights (m,); 0 for an empty group."""
    weights = ops.expand_dims(ops.cast(weights, "float32"), -1)
    total = sum_within(weights * ops.cast(x, "float32"), group, n)
    return total / ops.maximum(sum_within(weights, group, n), TINY)


def softmax_within(x, weights, group, n: int):
    """Softmax within groups, weights * exp(x) / sum, for x and weights (m, c); rows of weight 0 get 0."""
    x, weights = ops.cast(x, "float32"), ops.cast(weights, "float32")
    # Padding rows are assigned to a group; they must not affect its maximum.
    x = ops.where(weights > 0, x, -1e30)
    exponential = weights * ops.exp(x - at(highest_within(x, group, n), group))
    return exponential / (at(sum_within(exponential, group, n), group) + TINY)
