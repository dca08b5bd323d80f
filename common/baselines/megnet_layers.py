"""The layers of MEGNet, in `keras.ops`, on the flat lists of `common.features.graphs`.

A batch has M atoms, E pairs and G graphs; c channels.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import initializers, layers, ops

from common.nn.segments import at, mean_within, softmax_within, sum_within


def softplus2(x):
    """log(e^x / 2 + 1 / 2), which is 0 at 0."""
    return ops.softplus(x) - ops.cast(np.log(2.0), x.dtype)


@keras.saving.register_keras_serializable("peers")
class MLP(layers.Layer):
    """Dense layers with softplus2 between them and, unless `linear`, after the last."""

    def __init__(self, units=(64, 32), linear=False, **kwargs):
        super().__init__(**kwargs)
        self.units, self.linear = tuple(units), linear

    def build(self, shape):
        self.dense = []
        for number, (size, units) in enumerate(zip((shape[-1], *self.units[:-1]), self.units, strict=True), 1):
            self.dense.append(layers.Dense(units, name=f"dense_{number}"))
            self.dense[-1].build((None, size))

    def call(self, x, first=None):
        """first: output of the first dense layer, if it is computed elsewhere at lower cost."""
        for number, dense in enumerate(self.dense):
            x = first if number == 0 and first is not None else dense(x)
            x = x if self.linear and number == len(self.dense) - 1 else softplus2(x)
        return x

    def get_config(self):
        return {**super().get_config(), "units": self.units, "linear": self.linear}


@keras.saving.register_keras_serializable("peers")
class MEGNetBlock(layers.Layer):
    """Atoms (M, c), pairs (E, c) and states (G, c) -> the same, updated in this order.

    e_ij' = MLP[v_i, v_j, e_ij, u];  v_i' = MLP[mean of e_ij', v_i, u];  u' = MLP[mean of e', mean of v', u]
    """

    def __init__(self, units=(64, 64, 32), **kwargs):
        super().__init__(**kwargs)
        self.units = tuple(units)

    def build(self, nodes_shape, edges_shape, states_shape, *shapes, **named):
        v, e, u, out = nodes_shape[-1], edges_shape[-1], states_shape[-1], self.units[-1]
        self.networks = {}
        for name, size in (("edge", 2 * v + e + u), ("atom", out + v + u), ("state", 2 * out + u)):
            network = MLP(self.units, linear=True, name=name)
            network.build((None, size))
            self.networks[name] = network
            setattr(self, f"{name}_network", network)

    def call(self, nodes, edges, states, firsts, seconds, weights, graph, counts):
        n, n_graphs, v, e = ops.shape(nodes)[0], ops.shape(states)[0], nodes.shape[-1], edges.shape[-1]
        pair_graph = at(graph, firsts)

        # --- Pairs; the first dense layer is applied once per atom and per state ---
        dense = self.edge_network.dense[0]
        kernel, bias = ops.cast(dense.kernel, nodes.dtype), ops.cast(dense.bias, nodes.dtype)
        first = at(ops.matmul(nodes, kernel[:v]), firsts) + at(ops.matmul(nodes, kernel[v : 2 * v]), seconds)
        first = first + ops.matmul(edges, kernel[2 * v : 2 * v + e])
        first = first + at(ops.matmul(states, kernel[2 * v + e :]), pair_graph) + bias
        edges = self.edge_network(edges, first=first)

        # --- Atoms, states ---
        around = ops.cast(mean_within(edges, weights, firsts, n), nodes.dtype)
        nodes = self.atom_network(ops.concatenate([around, nodes, at(states, graph)], axis=-1))
        means = [mean_within(edges, weights, pair_graph, n_graphs), mean_within(nodes, counts, graph, n_graphs)]
        states = self.state_network(ops.concatenate([*(ops.cast(x, states.dtype) for x in means), states], axis=-1))
        return nodes, edges, states

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("peers")
class Set2Set(layers.Layer):
    """Vectors (m, c), weights and groups (m,), any array (n, ...) over the groups -> (n, 2 `channels`).

    An LSTM cell emits a query q, softmax(q m_k) weights the members of the set, and their mean is part of the next
    input; three steps. memory: whether the cell state is carried over between steps; MEGNet's program resets it.
    """

    def __init__(self, channels=16, steps=3, memory=True, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.steps, self.memory = channels, steps, memory

    def build(self, x_shape, *shapes, **named):
        c = self.channels
        self.to_memory = self.add_weight(shape=(x_shape[-1], c), name="to_memory", initializer="glorot_uniform")
        self.to_memory_bias = self.add_weight(shape=(c,), name="to_memory_bias", initializer="zeros")
        self.recurrent = self.add_weight(shape=(2 * c, 4 * c), name="recurrent", initializer="orthogonal")
        # The forget gate is initialized open.
        start = initializers.Constant(np.repeat([0.0, 1.0, 0.0, 0.0], c).tolist())
        self.recurrent_bias = self.add_weight(shape=(4 * c,), name="recurrent_bias", initializer=start)

    def call(self, x, weights, group, groups):
        n, weights = ops.shape(groups)[0], ops.expand_dims(weights, -1)
        members = ops.matmul(x, self.to_memory) + self.to_memory_bias
        cell = ops.zeros((n, self.channels), dtype=members.dtype)
        query = ops.zeros((n, 2 * self.channels), dtype=members.dtype)
        for _ in range(self.steps):
            gates = ops.matmul(query, self.recurrent) + self.recurrent_bias
            write, forget, new, output = ops.split(gates, 4, axis=-1)
            state = _hard_sigmoid(forget) * cell + _hard_sigmoid(write) * ops.tanh(new)
            hidden = _hard_sigmoid(output) * ops.tanh(state)
            cell = state if self.memory else cell
            share = softmax_within(ops.sum(members * at(hidden, group), axis=-1, keepdims=True), weights, group, n)
            answer = sum_within(share * ops.cast(members, "float32"), group, n)
            query = ops.concatenate([hidden, ops.cast(answer, hidden.dtype)], axis=-1)
        return query

    def get_config(self):
        own = {"channels": self.channels, "steps": self.steps, "memory": self.memory}
        return {**super().get_config(), **own}


def _hard_sigmoid(x):
    """As in Keras before version 3: x / 5 + 1 / 2, clipped to 0 and 1."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)
