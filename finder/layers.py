"""Message passing and attention pooling on flat lists of nodes and pairs, in `keras.ops`.

A batch has M nodes, E pairs of nodes and G graphs; c channels. A formula has one node per element with a multiplicity
(`counts`), which gives exactly the result of one node per atom. Lists are padded with pairs of weight 0 that refer only
to the last node, which belongs to no graph, so no mask is needed.
"""

from __future__ import annotations

import keras
from keras import constraints, layers, ops, regularizers

from common.nn.segments import TINY, at, highest_within, sum_within


def l2(strength: float) -> regularizers.Regularizer:
    return regularizers.L2(strength)


def norm(highest: float) -> constraints.Constraint:
    """Limit the norm of every column of a kernel to `highest`."""
    return constraints.MinMaxNorm(1e-30, highest, axis=0)


@keras.saving.register_keras_serializable("finder")
class Message(layers.Layer):
    """One message-passing layer: vectors (M, c') -> vectors (M, c).

    learned_edges: for formula graphs. Edge values come from an MLP over the two nodes and the mean neighbourhood of the
    first; every pair is directed, from its second node to its first. Otherwise, for crystal graphs, edge features are
    inputs (E, d), and every pair is used in both directions with one message strength, since neither (v_i + v_j) / 2
    nor the distance depends on the direction; this halves the work.

    The first dense layer over pairs, W [(v_i + v_j) / 2, ...], is computed as W v_i / 2 + W v_j / 2: per node instead
    of per pair.
    """

    def __init__(
        self, channels=200, learned_edges=True, attention=True, itself=False, update="relu", scale=1.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels, self.learned_edges, self.attention = channels, learned_edges, attention
        self.itself, self.update, self.scale = itself, update, scale

    def build(self, nodes_shape, firsts_shape=None, seconds_shape=None, weights_shape=None, edges_shape=None):
        size, channels = nodes_shape[-1], self.channels
        if self.learned_edges:
            self.edge = self._mlp("edge", 2 * size, 1)
        self.message = self._mlp("message", size + (1 if self.learned_edges else edges_shape[-1]), channels)
        if self.attention:
            self.query = self._dense("query", size, channels, 1e-8, 1.0)
            self.key = self._dense("key", size, channels, 1e-8, 1.0)
        self.value = self._dense("value", size, channels, 1e-8, 2.0)
        self.own = self._dense("own", size, channels)

    def compute_output_shape(self, nodes_shape, **others):
        """Stated, since Keras would otherwise call the layer to find it, which is half the time of building it."""
        return (nodes_shape[0], self.channels)

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

    def call(self, nodes, firsts, seconds, weights, edges=None):
        size, n = nodes.shape[-1], ops.shape(nodes)[0]
        weights = ops.expand_dims(ops.cast(weights, "float32"), -1)

        # --- Message strength per pair and channel ---
        kernel, bias = self.message[0]
        half = ops.matmul(nodes, kernel[:size]) / 2
        if self.learned_edges:
            edges = self.edge_values(nodes, firsts, seconds, weights)
        hidden = at(half, firsts) + at(half, seconds) + ops.matmul(edges, kernel[size:]) + bias
        strength = _rest_of_mlp(hidden, self.message)

        # --- Attention-weighted mean of the messages to every node ---
        directions = [(firsts, seconds)] if self.learned_edges else [(firsts, seconds), (seconds, firsts)]
        value = _affine(nodes, self.value)
        exponentials, divisor = self._attention(nodes, directions, weights, n)
        total = sum(
            sum_within(weights * share * ops.cast(at(value, sender) * strength, "float32"), receiver, n)
            for (receiver, sender), share in zip(directions, exponentials, strict=True)
        )
        neighbours = ops.maximum(sum(sum_within(weights, receiver, n) for receiver, _ in directions), TINY)
        aggregate = total / (divisor * neighbours) * self.scale

        own = _affine(nodes, self.own)
        own = ops.relu(own) if self.update == "relu" else own
        return own + ops.cast(aggregate, own.dtype)

    def edge_values(self, nodes, firsts, seconds, weights):
        """e_ij of a formula graph (E, 1), from two nodes and the mean neighbourhood of the first; weights (E, 1)."""
        kernel, bias = self.edge[0]
        n = ops.shape(nodes)[0]
        own, surrounding = ops.split(kernel, 2, axis=0)
        half, around = ops.matmul(nodes, own) / 2, ops.matmul(nodes, surrounding) / 2
        neighbours = ops.maximum(sum_within(weights, firsts, n), TINY)
        mean = sum_within(weights * ops.cast(at(around, seconds), "float32"), firsts, n) / neighbours
        # A node without neighbours has no edges either, so its neighbourhood does not matter.
        neighbourhood = half + around + ops.cast(mean, half.dtype)
        return _rest_of_mlp(at(neighbourhood, firsts) + at(half, seconds) + bias, self.edge)

    def _attention(self, nodes, directions, weights, n):
        """Softmax numerators exp(Q_i K_j / sqrt(c) - maximum over j) per direction (E, c), and divisors (M, c)."""
        if not self.attention:
            return [1.0] * len(directions), 1.0
        query, key = _affine(nodes, self.query), _affine(nodes, self.key)
        query = query / self.channels**0.5
        products = [ops.cast(at(query, i) * at(key, j), "float32") for i, j in directions]
        highest = highest_within(products[0], directions[0][0], n)
        for product, (i, _) in zip(products[1:], directions[1:], strict=True):
            highest = ops.maximum(highest, highest_within(product, i, n))
        divisor = TINY
        if self.itself:
            own = ops.cast(query * key, "float32")
            highest = ops.maximum(highest, ops.stop_gradient(own))
            divisor += ops.exp(own - highest)
        exponentials = [ops.exp(x - at(highest, i)) for x, (i, _) in zip(products, directions, strict=True)]
        divisor += sum(sum_within(weights * x, i, n) for x, (i, _) in zip(exponentials, directions, strict=True))
        return exponentials, divisor

    def get_config(self):
        own = ("channels", "learned_edges", "attention", "itself", "update", "scale")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _affine(x, weights):
    return ops.matmul(x, weights[0]) + weights[1]


def _rest_of_mlp(hidden, mlp):
    """Second and third layer of an MLP, from the pre-activation of the first."""
    return _affine(ops.relu(_affine(ops.relu(hidden), mlp[1])), mlp[2])


@keras.saving.register_keras_serializable("finder")
class Pool(layers.Layer):
    """Attention pooling: vectors (M, c), graph (M,) and count (M,) per node, number of atoms (G,) per graph -> (G, c).

    A softmax of a gate MLP over the nodes of a graph, per channel, weights the outputs of a content MLP. Without
    attention, the pool is the mean of the content.
    """

    def __init__(self, attention=True, width=256, **kwargs):
        super().__init__(**kwargs)
        self.attention, self.width = attention, width

    def build(self, nodes_shape, graph_shape=None, counts_shape=None, sizes_shape=None):
        if self.attention:
            self.gate = self._mlp("gate", nodes_shape[-1], norm(1.0))
        self.content = self._mlp("content", nodes_shape[-1], None)

    def compute_output_shape(self, nodes_shape, graph_shape=None, counts_shape=None, sizes_shape=None):
        return (sizes_shape[0], nodes_shape[-1])

    def _mlp(self, name, channels, constraint):
        first = layers.Dense(
            self.width, activation="relu", kernel_regularizer=l2(1e-6), kernel_constraint=constraint, name=f"{name}_1"
        )
        second = layers.Dense(channels, kernel_constraint=constraint, name=f"{name}_2")
        first.build((None, channels))
        second.build((None, self.width))
        return [first, second]

    def call(self, nodes, graph, counts, sizes):
        n = ops.shape(sizes)[0]
        counts, sizes = (ops.expand_dims(ops.cast(x, "float32"), -1) for x in (counts, sizes))
        content = ops.cast(self.content[1](self.content[0](nodes)), "float32")
        if self.attention:
            gate = ops.cast(self.gate[1](self.gate[0](nodes)), "float32")
            # Padding nodes are assigned to a graph; they must not affect its maximum.
            gate = ops.where(counts > 0, gate, -1e30)
            exponential = counts * ops.exp(gate - at(highest_within(gate, graph, n), graph))
            pooled = sum_within(exponential * content, graph, n) / (sum_within(exponential, graph, n) + TINY)
        else:
            pooled = sum_within(counts * content, graph, n) / sizes
        return ops.cast(pooled, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "attention": self.attention, "width": self.width}
