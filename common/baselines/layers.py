"""The layers of the peer models, in `keras.ops`, on the flat lists of `common.features.graphs`.

A batch has M atoms, E pairs and G graphs; c channels.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import initializers, layers, ops

from common.nn.segments import TINY, at, mean_within, softmax_within, sum_within
from common.train.strategy.base import over_devices


def uniform() -> initializers.Initializer:
    """PyTorch's initializer of kernels, uniform within 1 / sqrt(inputs); biases are initialized with zeros here."""
    return initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


@keras.saving.register_keras_serializable("peers")
class Gaussians(layers.Layer):
    """Distances (E,) -> exp(-((d - centre) / width)^2) (E, n), n centres from 0 to `last` angstrom."""

    def __init__(self, n=41, last=8.0, width=0.2, **kwargs):
        super().__init__(**kwargs)
        self.n, self.last, self.width = n, last, width

    def call(self, distances):
        centres = np.linspace(0.0, self.last, self.n, dtype=np.float32)
        return ops.exp(-(((ops.expand_dims(distances, -1) - centres) / self.width) ** 2))

    def get_config(self):
        return {**super().get_config(), "n": self.n, "last": self.last, "width": self.width}


@keras.saving.register_keras_serializable("peers")
class WeightedNorm(layers.Layer):
    """PyTorch's BatchNorm on rows (m, c) with weights (m,), so that padding rows do not count."""

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, shape):
        c = shape[-1:]
        self.gamma = self.add_weight(shape=c, name="gamma", initializer="ones")
        self.beta = self.add_weight(shape=c, name="beta", initializer="zeros")
        running = {"shape": c, "trainable": False, "dtype": "float32", "autocast": False}
        self.mean = self.add_weight(name="mean", initializer="zeros", **running)
        self.variance = self.add_weight(name="variance", initializer="ones", **running)

    def call(self, x, weights, training=None):
        y, mean, variance = ops.cast(x, "float32"), self.mean, self.variance
        if training:
            share = weights / ops.maximum(over_devices(ops.sum(weights)), TINY)
            mean = over_devices(ops.matmul(share, y))
            variance = over_devices(ops.matmul(share, (y - mean) ** 2))
            for running, current in ((self.mean, mean), (self.variance, variance)):
                running.assign(self.momentum * running + (1 - self.momentum) * ops.stop_gradient(current))
        factor = ops.cast(self.gamma, "float32") * ops.rsqrt(variance + self.epsilon)
        return ops.cast((y - mean) * factor + ops.cast(self.beta, "float32"), x.dtype)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("peers")
class GatedConvolution(layers.Layer):
    """CGCNN's layer: vectors (M, c), pairs and their edge vectors (E, d) -> vectors (M, c).

    z = BatchNorm(W [v_i, v_j, e_ij] + b);  v_i' = f(v_i + BatchNorm(sum over j of sigmoid(z_1) * f(z_2)))

    W v_i and W v_j are computed per atom, not per pair. Padding is excluded from the batch statistics.
    """

    def __init__(self, activation="softplus", **kwargs):
        super().__init__(**kwargs)
        self.activation = activation

    def build(self, nodes_shape, firsts_shape, seconds_shape, weights_shape, counts_shape, edges_shape):
        c, d = nodes_shape[-1], edges_shape[-1]
        self.kernel = self.add_weight(shape=(2 * c + d, 2 * c), name="kernel", initializer=uniform())
        self.bias = self.add_weight(shape=(2 * c,), name="bias", initializer="zeros")
        self.norms = []
        for name, size in (("pair_norm", 2 * c), ("atom_norm", c)):
            self.norms.append(WeightedNorm(name=name))
            self.norms[-1].build((None, size))

    def call(self, nodes, firsts, seconds, weights, counts, edges, training=None):
        c = nodes.shape[-1]
        own, other, edge = self.kernel[:c], self.kernel[c : 2 * c], self.kernel[2 * c :]
        z = at(ops.matmul(nodes, own), firsts) + at(ops.matmul(nodes, other), seconds)
        z = self.norms[0](z + ops.matmul(edges, edge) + self.bias, weights, training=training)
        gate, core = ops.split(z, 2, axis=-1)
        message = ops.cast(ops.sigmoid(gate) * keras.activations.get(self.activation)(core), "float32")
        weights = ops.expand_dims(ops.cast(weights, "float32"), -1)
        total = sum_within(weights * message, firsts, ops.shape(nodes)[0])
        total = self.norms[1](ops.cast(total, nodes.dtype), counts, training=training)
        return keras.activations.get(self.activation)(nodes + total)

    def get_config(self):
        return {**super().get_config(), "activation": self.activation}


@keras.saving.register_keras_serializable("peers")
class MeanPool(layers.Layer):
    """Vectors (m, c), weights and groups (m,), any array (n, ...) over the groups -> means (n, c)."""

    def call(self, x, weights, group, groups):
        return ops.cast(mean_within(x, weights, group, ops.shape(groups)[0]), self.compute_dtype)


@keras.saving.register_keras_serializable("peers")
class SoftAttention(layers.Layer):
    """Weighted soft attention of Roost and Wren: the mean over heads of sums of messages within groups.

    Row k of a group represents c_k rows of weight w_k each; its attention is c_k w_k^p exp(gate MLP), normalized, with
    a learned p for every head. Messages come from another MLP with one hidden layer (`hidden`, leaky ReLU).

    pool: rows are atoms (M, c), groups are graphs; `call(x, weights, counts, group, groups)` -> (G, c).
    Otherwise rows are pairs; `call(x, weights, counts, firsts, seconds)` -> x + sums over the pairs of an atom (M, c),
    with `weights` per atom and `counts` per pair. The hidden layers of a pair are W v_i + W' v_j, each computed per
    atom. The last dense layer is linear, so it is applied after the sum, also per atom.
    """

    def __init__(self, heads=3, hidden=256, pool=False, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.hidden, self.pool = heads, hidden, pool

    def build(self, nodes_shape, *shapes, **named):
        c, heads, hidden = nodes_shape[-1], self.heads, self.hidden
        size = c if self.pool else 2 * c
        self.first = self.add_weight(shape=(size, 2 * heads * hidden), name="first", initializer=uniform())
        self.first_bias = self.add_weight(shape=(2 * heads * hidden,), name="first_bias", initializer="zeros")
        limit = initializers.RandomUniform(-(hidden**-0.5), hidden**-0.5)
        self.gate = self.add_weight(shape=(heads, hidden), name="gate", initializer=limit)
        self.gate_bias = self.add_weight(shape=(heads,), name="gate_bias", initializer="zeros")
        self.message = self.add_weight(shape=(heads, hidden, c), name="message", initializer=limit)
        self.message_bias = self.add_weight(shape=(heads, c), name="message_bias", initializer="zeros")
        self.power = self.add_weight(shape=(heads,), name="power", initializer=initializers.RandomNormal(stddev=1.0))

    def call(self, x, weights, counts, group, other):
        if self.pool:
            hidden, n = ops.matmul(x, self.first), ops.shape(other)[0]
        else:
            c, n = x.shape[-1], ops.shape(x)[0]
            hidden = at(ops.matmul(x, self.first[:c]), group) + at(ops.matmul(x, self.first[c:]), other)
            weights = at(weights, other)
        hidden = ops.leaky_relu(hidden + self.first_bias, 0.01)
        gate, message = ops.split(ops.reshape(hidden, (-1, 2 * self.heads, self.hidden)), 2, axis=1)
        gate = ops.sum(gate * self.gate, axis=-1) + self.gate_bias
        # Padding rows have weight 0, whose powers may be infinite.
        weights = ops.expand_dims(ops.where(weights > 0, ops.cast(weights, "float32"), 1.0), -1)
        counts = ops.expand_dims(ops.cast(counts, "float32"), -1)
        share = softmax_within(gate, counts * weights ** ops.cast(self.power, "float32"), group, n)
        total = sum_within(ops.expand_dims(share, -1) * ops.cast(message, "float32"), group, n)
        total = ops.einsum("nhk,hkc->nhc", ops.cast(total, x.dtype), self.message)
        # The attention of a group sums to nearly 1, that of an empty group to 0.
        norm = ops.expand_dims(ops.cast(sum_within(share, group, n), x.dtype), -1)
        pooled = ops.mean(total + norm * self.message_bias, axis=1)
        return pooled if self.pool else x + pooled

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "hidden": self.hidden, "pool": self.pool}


def residual_network(x, hidden: tuple[int, ...], units: int, name: str, activation: str = "relu"):
    """Dense layers with residual connections, linear where the widths differ, then a linear layer."""
    for number, size in enumerate(hidden, 1):
        dense = layers.Dense(size, activation=activation, kernel_initializer=uniform(), name=f"{name}_{number}")(x)
        if x.shape[-1] != size:
            linear = {"use_bias": False, "kernel_initializer": uniform(), "name": f"{name}_{number}_residual"}
            x = layers.Dense(size, **linear)(x)
        x = layers.Add()([dense, x])
    return layers.Dense(units, kernel_initializer=uniform(), name=f"{name}_out")(x)
