"""Sums within groups of rows, in `keras.ops`: what networks on flat lists of atoms and pairs are made of.

n groups, m rows, c channels. Sums are taken in float32 whatever the precision of the network.
"""

from __future__ import annotations

from keras import ops

TINY = 1e-9


def at(x, places):
    """The rows of x at these places."""
    return ops.take(x, places, axis=0)


def sum_within(x, group, n: int):
    """Sums (n, c) in float32 of the rows of x (m, c) by their group (m,)."""
    return ops.segment_sum(ops.cast(x, "float32"), group, n)


def highest_within(x, group, n: int):
    """As `sum_within`, and no gradient: a softmax is the same whatever is subtracted."""
    return ops.stop_gradient(ops.segment_max(ops.cast(ops.stop_gradient(x), "float32"), group, n))


def mean_within(x, weights, group, n: int):
    """Means (n, c) of the rows of x (m, c) by their group (m,), weighed by weights (m,); 0 for an empty group."""
    weights = ops.expand_dims(ops.cast(weights, "float32"), -1)
    total = sum_within(weights * ops.cast(x, "float32"), group, n)
    return total / ops.maximum(sum_within(weights, group, n), TINY)


def softmax_within(x, weights, group, n: int):
    """weights * exp(x) over its sum within the group, for x and weights (m, c); rows of weight 0 get 0."""
    x, weights = ops.cast(x, "float32"), ops.cast(weights, "float32")
    # Filling rows stand in some group's list; they must not set its maximum.
    x = ops.where(weights > 0, x, -1e30)
    raised = weights * ops.exp(x - at(highest_within(x, group, n), group))
    return raised / (at(sum_within(raised, group, n), group) + TINY)
