"""Finder on Spektral: explicit graphs with one node per atom, `DisjointLoader`, `MessagePassing`. TensorFlow only.

This implementation is closest to the released program, which uses Spektral, and its layers can be used in other
Spektral code. They have the same variables in the same order as those of `finder.layers`, so `set_weights` transfers
weights between the implementations.

    E directed pairs of atoms (i, j) of a batch: `a.indices` are (E, 2) with the sender j first.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import Input, Model
from scipy.sparse import coo_matrix
from spektral.data import Dataset, DisjointLoader, Graph
from spektral.layers import MessagePassing

from common.chem.element_vectors import element_vectors
from finder.config import FinderConfig
from finder.graphs import CrystalGraphs, gaussians
from finder.layers import TINY, Message, Pool
from finder.model import GAUSSIANS, message_options, read_out


def affine(x, weights):
    return tf.matmul(x, weights[0]) + weights[1]


def mlp(x, weights):
    return affine(tf.nn.relu(affine(tf.nn.relu(affine(x, weights[0])), weights[1])), weights[2])


def softmax_within(x, group, n_groups):
    """Softmax of x (n, c) within each group, per channel; group (n,), sorted or not."""
    highest = tf.math.unsorted_segment_max(x, group, n_groups)
    exponential = tf.exp(x - tf.stop_gradient(tf.gather(highest, group)))
    return exponential / (tf.gather(tf.math.unsorted_segment_sum(exponential, group, n_groups), group) + TINY)


@keras.saving.register_keras_serializable("finder")
class FinderConv(MessagePassing):
    """`finder.layers.Message` as a Spektral layer; inputs are [x, a] or [x, a, e]."""

    def __init__(self, options: dict | None = None, **kwargs):
        super().__init__(aggregate="mean", **kwargs)
        self.options = dict(options or {})
        self.weights_of = Message(**self.options, name="weights")

    def build(self, input_shape):
        x, edges = input_shape[0], input_shape[2] if len(input_shape) > 2 else None
        self.weights_of.build(x, edges_shape=edges)
        self.built = True

    def call(self, inputs):
        # Spektral's own checks reject the symbolic sparse tensors of Keras 3.
        x, a, e = inputs if len(inputs) == 3 else (*inputs, None)
        return self.propagate(x, a, e)

    # Spektral passes only arguments that have a default.
    def message(self, x, e=None):
        w = self.weights_of
        mean = (self.get_targets(x) + self.get_sources(x)) / 2
        if w.learned_edges:
            around = tf.math.unsorted_segment_mean(mean, self.index_targets, self.n_nodes)
            e = mlp(tf.concat([mean, self.get_targets(around)], axis=-1), w.edge)
        strength = mlp(tf.concat([mean, e], axis=-1), w.message)
        message = self.get_sources(affine(x, w.value)) * strength
        if w.attention:
            message *= self._attention(x, w)
        return message * w.scale

    def _attention(self, x, w):
        query, key = affine(x, w.query), affine(x, w.key)
        product = self.get_targets(query) * self.get_sources(key) / w.channels**0.5
        if not w.itself:
            return softmax_within(product, self.index_targets, self.n_nodes)
        extended = tf.concat([product, query * key / w.channels**0.5], axis=0)
        group = tf.concat([self.index_targets, tf.range(self.n_nodes, dtype=self.index_targets.dtype)], axis=0)
        return softmax_within(extended, group, self.n_nodes)[: tf.shape(product)[0]]

    def update(self, embeddings, x=None):
        own = affine(x, self.weights_of.own)
        return (tf.nn.relu(own) if self.weights_of.update == "relu" else own) + embeddings

    def get_config(self):
        return {**super().get_config(), "options": self.options}


@keras.saving.register_keras_serializable("finder")
class GraphPool(keras.layers.Layer):
    """`finder.layers.Pool` as a Spektral pooling layer; inputs are [x, i], with i the graph of every atom."""

    def __init__(self, attention=True, **kwargs):
        super().__init__(**kwargs)
        self.weights_of = Pool(attention, name="weights")

    def build(self, input_shape):
        self.weights_of.build(input_shape[0])

    def call(self, inputs):
        x, graph = inputs
        n_graphs = tf.reduce_max(graph) + 1
        content = self.weights_of.content[1](self.weights_of.content[0](x))
        if not self.weights_of.attention:
            return tf.math.unsorted_segment_mean(content, graph, n_graphs)
        gate = softmax_within(self.weights_of.gate[1](self.weights_of.gate[0](x)), graph, n_graphs)
        return tf.math.unsorted_segment_sum(gate * content, graph, n_graphs)

    def get_config(self):
        return {**super().get_config(), "attention": self.weights_of.attention}


def build_spektral_finder(mode: str = "formula", config: FinderConfig | None = None, *, uncertain: bool = True):
    """The functional model on Spektral's inputs x, a, e (crystals) and i; the weights are those of `build_finder`."""
    config = config or FinderConfig(mode=mode)
    learned = config.mode == "formula"
    nodes = Input((len(element_vectors(config.vectors)),), name="x")
    pairs = Input((None,), sparse=True, name="a")
    graph = Input((), dtype="int64", name="i")
    inputs = {"x": nodes, "a": pairs, "i": graph}
    if not learned:
        inputs["e"] = Input((GAUSSIANS,), name="e")
    options = message_options(config)
    x, pools = nodes, []
    for number in range(1, config.layers + 1):
        x = FinderConv(options, name=f"message_{number}")([x, pairs] if learned else [x, pairs, inputs["e"]])
        pools.append(GraphPool(config.attention != "none", name=f"pool_{number}")([x, graph]))
    return Model(inputs, read_out(pools, config, uncertain), name=f"finder_{config.mode}_spektral")


class Explicit(Dataset):
    """The graphs of a `FormulaGraphs` or `CrystalGraphs` as a Spektral dataset with one node per atom."""

    def __init__(self, batches, rows=None):
        self.batches = batches
        self.rows = range(len(batches)) if rows is None else rows
        super().__init__()

    def read(self) -> list[Graph]:
        return [explicit_graph(self.batches, row) for row in self.rows]


def explicit_graph(batches, row: int) -> Graph:
    """x (n, 200), a (n, n) sparse with the sender first, e (E, 20) for crystals in the order of a's entries."""
    field = {name: batches.graphs.field(name).row(row) for name in batches.graphs.fields}
    table = batches.vectors.table
    if isinstance(batches, CrystalGraphs):
        x, n = table[field["numbers"]], len(field["numbers"])
        order = np.lexsort((field["centre"], field["neighbour"]))
        senders, receivers = field["neighbour"][order], field["centre"][order]
        e = gaussians(field["distance"][order], batches.last_centre)
    else:
        x = np.repeat(table[field["numbers"]], field["counts"], axis=0)
        n, e = len(x), None
        senders, receivers = np.nonzero(~np.eye(n, dtype=bool))
    a = coo_matrix((np.ones(len(senders), dtype=np.float32), (senders, receivers)), shape=(n, n))
    return Graph(x=x, a=a.tocsr() if e is None else a, e=e)


class DisjointBatches:
    """`batch(rows)` by Spektral's `DisjointLoader`, for the shared training loop."""

    def __init__(self, batches):
        self.dataset = Explicit(batches)
        self.loader = DisjointLoader(self.dataset)
        self.names = ("x", "a", "e", "i") if isinstance(batches, CrystalGraphs) else ("x", "a", "i")

    def __len__(self) -> int:
        return len(self.dataset)

    def batch(self, rows: np.ndarray) -> dict:
        arrays = self.loader.collate([self.dataset.graphs[row] for row in rows])
        return dict(zip(self.names, arrays, strict=True))
