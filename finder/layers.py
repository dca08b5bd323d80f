"""Message passing and attention pooling on flat lists of atoms, in `keras.ops`.

M atoms of all graphs of a batch, K places for neighbours of each, G graphs with N places for atoms each, c channels.
Every place has a weight: how many atoms it stands for, 0 where it is empty. In a formula all atoms of one element
are alike, so one place with a weight gives exactly what its atoms give one by one.
"""

from __future__ import annotations

import keras
from keras import constraints, layers, ops, regularizers

TINY = 1e-9


def l2(strength: float):
    return regularizers.L2(strength)


def norm(highest: float):
    """Norms of the columns of a kernel between nearly zero and `highest`."""
    return constraints.MinMaxNorm(1e-30, highest, axis=0)


def weighted_softmax(x, weights):
    """exp(x) / sum of weights * exp(x) over axis 1, in float32; x (., K, c), weights (., K, 1)."""
    x = ops.cast(x, "float32")
    there = weights > 0
    highest = ops.stop_gradient(ops.max(ops.where(there, x, -1e30), axis=1, keepdims=True))
    # Where every place is empty the maximum is -1e30, which exp must not see.
    raised = ops.where(there, ops.exp(ops.where(there, x - highest, 0.0)), 0.0)
    return raised / (ops.sum(weights * raised, axis=1, keepdims=True) + TINY)


@keras.saving.register_keras_serializable("finder")
class Message(layers.Layer):
    """One message-passing layer: vectors (M, c') -> vectors (M, c).

    learned_edges: edge values come from an MLP over the two atoms and the surroundings (formula graphs); otherwise
    they are given as features (M, K, d).

    The first dense layer over pairs, W [(v_i + v_j) / 2, ...], is computed as W v_i / 2 + W v_j / 2: once an atom and
    not once a pair, which is three quarters of the work.
    """

    def __init__(
        self, channels=200, learned_edges=True, attention=True, itself=False, update="relu", scale=1.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels, self.learned_edges, self.attention = channels, learned_edges, attention
        self.itself, self.update, self.scale = itself, update, scale

    def build(self, nodes_shape, neighbours_shape=None, weights_shape=None, edges_shape=None):
        size, channels = nodes_shape[-1], self.channels
        if self.learned_edges:
            self.edge = self._mlp("edge", 2 * size, 1)
        self.message = self._mlp("message", size + (1 if self.learned_edges else edges_shape[-1]), channels)
        if self.attention:
            self.query = self._dense("query", size, channels, 1e-8, 1.0)
            self.key = self._dense("key", size, channels, 1e-8, 1.0)
        self.value = self._dense("value", size, channels, 1e-8, 2.0)
        self.own = self._dense("own", size, channels)

    def _dense(self, name, size, units, strength=0.0, highest=0.0):
        kernel = self.add_weight(
            shape=(size, units),
            name=f"{name}_kernel",
            regularizer=l2(strength) if strength else None,
            constraint=norm(highest) if highest else None,
        )
        return kernel, self.add_weight(shape=(units,), name=f"{name}_bias", initializer="zeros")

    def _mlp(self, name, size, units):
        """128 ReLU, 64 ReLU, linear."""
        return (
            self._dense(f"{name}_1", size, 128, 1e-6),
            self._dense(f"{name}_2", 128, 64, 1e-6),
            self._dense(f"{name}_3", 64, units),
        )

    def call(self, nodes, neighbours, weights, edges=None):
        size = nodes.shape[-1]
        weights = ops.expand_dims(ops.cast(weights, "float32"), -1)

        def at_neighbours(x):
            return ops.take(x, neighbours, axis=0)

        # --- Edge values and messages before attention ---
        kernel, bias = self.message[0]
        half = ops.matmul(nodes, kernel[:size]) / 2
        if self.learned_edges:
            edges = self.edge_values(nodes, neighbours, weights)
        hidden = ops.expand_dims(half, 1) + at_neighbours(half) + ops.matmul(edges, kernel[size:]) + bias
        strength = _rest_of_mlp(hidden, self.message)

        # --- Attention of every atom over its neighbours, channel by channel ---
        value = _affine(nodes, self.value)
        message = at_neighbours(value) * strength
        if self.attention:
            query, key = _affine(nodes, self.query), _affine(nodes, self.key)
            product = ops.expand_dims(query, 1) * at_neighbours(key)
            message *= self._softmax(product, query * key, weights)

        # --- Mean over neighbours, and the atom's own part ---
        aggregate = _mean(ops.cast(message, "float32"), weights) * self.scale
        own = _affine(nodes, self.own)
        own = ops.relu(own) if self.update == "relu" else own
        return own + ops.cast(aggregate, own.dtype)

    def edge_values(self, nodes, neighbours, weights):
        """e_ij of a formula graph (M, K, 1), from the two atoms and the mean surroundings of the first; weights
        (M, K, 1)."""
        kernel, bias = self.edge[0]
        own, surrounding = ops.split(kernel, 2, axis=0)
        half, around = ops.matmul(nodes, own) / 2, ops.matmul(nodes, surrounding) / 2
        mean = _mean(ops.cast(ops.take(around, neighbours, axis=0), "float32"), weights)
        # An atom without neighbours has no surroundings, but then it has no edges either.
        surroundings = half + around + ops.cast(mean, half.dtype)
        return _rest_of_mlp(ops.expand_dims(surroundings, 1) + ops.take(half, neighbours, axis=0) + bias, self.edge)

    def _softmax(self, product, own_product, weights):
        x = product
        if self.itself:
            x = ops.concatenate([x, ops.expand_dims(own_product, 1)], axis=1)
            weights = ops.concatenate([weights, ops.ones_like(weights[:, :1])], axis=1)
        attention = weighted_softmax(ops.cast(x, "float32") / self.channels**0.5, weights)
        attention = attention[:, :-1] if self.itself else attention
        return ops.cast(attention, product.dtype)

    def get_config(self):
        own = ("channels", "learned_edges", "attention", "itself", "update", "scale")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _mean(x, weights):
    """Weighted mean over the places of axis 1, zero where all are empty."""
    return ops.sum(weights * x, axis=1) / ops.maximum(ops.sum(weights, axis=1), TINY)


def _affine(x, weights):
    return ops.matmul(x, weights[0]) + weights[1]


def _rest_of_mlp(hidden, mlp):
    """The second and third layer over the sum that the first one makes before its ReLU."""
    return _affine(ops.relu(_affine(ops.relu(hidden), mlp[1])), mlp[2])


@keras.saving.register_keras_serializable("finder")
class Pool(layers.Layer):
    """Attention pooling: vectors (M, c), places (G, N) of the atoms of each graph -> (G, c).

    A softmax over the atoms of a graph, channel by channel, of a gate MLP weighs the outputs of a content MLP.
    Without attention it is the mean of the latter.
    """

    def __init__(self, attention=True, width=256, **kwargs):
        super().__init__(**kwargs)
        self.attention, self.width = attention, width

    def build(self, nodes_shape, members_shape=None, weights_shape=None):
        if self.attention:
            self.gate = self._mlp("gate", nodes_shape[-1], norm(1.0))
        self.content = self._mlp("content", nodes_shape[-1], None)

    def _mlp(self, name, channels, constraint):
        first = layers.Dense(
            self.width, activation="relu", kernel_regularizer=l2(1e-6), kernel_constraint=constraint, name=f"{name}_1"
        )
        second = layers.Dense(channels, kernel_constraint=constraint, name=f"{name}_2")
        first.build((None, channels))
        second.build((None, self.width))
        return [first, second]

    def call(self, nodes, members, weights):
        weights = ops.expand_dims(ops.cast(weights, "float32"), -1)

        def of_members(mlp):
            return ops.cast(ops.take(mlp[1](mlp[0](nodes)), members, axis=0), "float32")

        content = of_members(self.content)
        if self.attention:
            pooled = ops.sum(weights * weighted_softmax(of_members(self.gate), weights) * content, axis=1)
        else:
            pooled = _mean(content, weights)
        return ops.cast(pooled, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "attention": self.attention, "width": self.width}
