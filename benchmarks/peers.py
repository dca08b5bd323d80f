"""Peer models: epochs against kgcnn or Spektral, and Roost's flat lists against a loop over graphs."""

from __future__ import annotations

import time
from importlib.util import find_spec

import numpy as np

from benchmarks.datasets import crystals
from benchmarks.report import Line
from common.baselines.cgcnn import CGCNN, graph_inputs
from common.baselines.megnet import ELEMENTS, MEGNet, pair_graph
from common.baselines.roost import Roost
from common.chem.element_vectors import element_vectors
from common.chem.elements import SYMBOLS
from common.data.materials import MaterialsDataset, Target
from common.nn.losses import robust_l1
from common.train import devices

CRYSTALS, SITES, FORMULAS, LOOPED, ROUNDS = 1_000, (20, 40), 5_000, 200, 3


def epochs() -> tuple[list[Line], list[str]]:
    """Alternating epochs of our network and the reference in one process, on the same batches."""
    devices.setup(0)
    kgcnn = find_spec("kgcnn") is not None
    others = {"CGCNN": (CGCNN(), _kgcnn_cgcnn if kgcnn else _spektral_cgcnn)}
    if kgcnn:
        others["MEGNet"] = (MEGNet(isolated="keep"), _kgcnn_megnet)
    table, lines = crystals(CRYSTALS, SITES), []
    for name, (model, reference) in others.items():
        made = model.features(table)
        rows = np.arange(len(made.rows))
        targets = table.target("formation_energy_per_atom").values[made.rows].astype(np.float32)
        batches = [rows[k : k + model.recipe.batch] for k in range(0, len(rows), model.recipe.batch)]
        ours, theirs = _measure(model.build(), reference(model.config), made.features, batches, targets)
        package = "kgcnn" if kgcnn else "Spektral's CrystalConv"
        text = f"{package}, the same sizes and batches of {model.recipe.batch}: {theirs:.2f} s; ours {ours:.2f} s"
        lines.append(
            Line(
                f"{name}, epoch of {len(rows):,} crystals, reference against ours",
                theirs / ours,
                "times",
                ">= 1.5",
                text,
            )
        )
    notes = [
        f"Medians of {ROUNDS} alternating epochs, after one that traces; crystals of {SITES[0]} to {SITES[1]} atoms."
    ]
    if not kgcnn:
        notes.append(
            "kgcnn is not installed: CGCNN is compared with Spektral's CrystalConv, which has no BatchNorm and"
            " so less to compute; MEGNet is not compared. `pip install --no-deps kgcnn dm-tree` installs kgcnn."
        )
    return lines, notes


def _measure(model, reference, features, batches, targets) -> tuple[float, float]:
    import keras

    times: dict[int, list[float]] = {0: [], 1: []}
    for network in (model, reference):
        network.compile(keras.optimizers.Adam(1e-4), "mse", jit_compile=False)
    for number in range(ROUNDS + 1):
        for which, network in enumerate((model, reference)):
            started = time.perf_counter()
            start = 0
            for rows in batches:
                network.train_on_batch(features.batch(rows), targets[start : start + len(rows)])
                start += len(rows)
            if number:
                times[which].append(time.perf_counter() - started)
    return float(np.median(times[0])), float(np.median(times[1]))


def _kgcnn_inputs(inputs: dict) -> tuple:
    """Inputs of kgcnn's layers: pairs (2, E), graphs of atoms and pairs, numbers of both per graph."""
    from keras import ops

    arrays = [ops.stack([inputs["firsts"], inputs["seconds"]]), inputs["graph"], pair_graph(inputs), inputs["sizes"]]
    pairs, graph, owner, sizes = (ops.cast(x, "int64") for x in arrays)
    return pairs, graph, owner, sizes, ops.zeros_like(sizes)


def _kgcnn_cgcnn(config):
    import keras
    from keras.layers import Dense
    from kgcnn.layers.pooling import PoolingNodes
    from kgcnn.literature.CGCNN._layers import CGCNNLayer

    from common.baselines.layers import Gaussians

    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding = Dense(config.channels)
            self.gaussians = Gaussians(round(config.cutoff / config.step) + 1, config.cutoff, config.step)
            options = {"batch_normalization": True, "pooling_method": "scatter_sum"}
            self.convolutions = [CGCNNLayer(config.channels, **options) for _ in range(config.layers)]
            self.pool = PoolingNodes(pooling_method="scatter_mean")
            self.dense = [Dense(config.hidden, activation="softplus"), Dense(1)]

        def call(self, inputs, training=None):
            pairs, graph, owner, sizes, numbers = _kgcnn_inputs(inputs)
            x, edges = self.embedding(inputs["nodes"]), self.gaussians(inputs["edges"])
            for layer in self.convolutions:
                x = layer([x, edges, pairs, graph, owner, sizes, numbers])
            return self.dense[1](self.dense[0](self.pool([sizes, x, graph])))

    return Network()


def _kgcnn_megnet(config):
    import keras
    from keras import ops
    from keras.layers import Dense, Embedding
    from kgcnn.layers.mlp import MLP
    from kgcnn.layers.set2set import PoolingSet2SetEncoder
    from kgcnn.literature.Megnet._layers import MEGnetBlock

    from common.baselines.layers import Gaussians

    first, second, third = config.units
    softplus2 = {"class_name": "function", "config": "kgcnn>softplus2"}
    units = {name: [first, first, second] for name in ("node_embed", "edge_embed", "env_embed")}

    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding = Embedding(ELEMENTS, config.channels)
            self.gaussians = Gaussians(config.gaussians, config.last, config.width)
            made = range(config.blocks)
            self.starts = [[MLP([first, second], activation=softplus2) for _ in range(3)] for _ in made]
            self.blocks = [MEGnetBlock(**units) for _ in made]
            self.memories = [Dense(third) for _ in range(2)]
            self.sets = [PoolingSet2SetEncoder(third, T=3, pooling_method="sum", init_qstar="0") for _ in range(2)]
            self.head = [MLP([second, third], activation=softplus2), Dense(1)]

        def call(self, inputs, training=None):
            pairs, graph, owner, sizes, numbers = _kgcnn_inputs(inputs)
            state = ops.zeros_like(ops.stack([inputs["sizes"]] * 2, axis=-1))
            parts = [self.embedding(inputs["nodes"]), self.gaussians(inputs["edges"]), state]
            for number, (starts, block) in enumerate(zip(self.starts, self.blocks, strict=True)):
                inner = [start(x) for start, x in zip(starts, parts, strict=True)]
                parts = parts if number else inner
                new = block([inner[0], inner[1], pairs, inner[2], graph, owner, sizes, numbers])
                parts = [x + y for x, y in zip(parts, new, strict=True)]
            read = [
                ops.reshape(self.sets[k]([sizes, self.memories[k](parts[k]), group]), (-1, 2 * third))
                for k, group in enumerate((graph, owner))
            ]
            return self.head[1](self.head[0](ops.concatenate([*read, parts[2]], axis=-1)))

    return Network()


def _spektral_cgcnn(config):
    import keras
    from keras import Model, ops
    from keras.layers import Dense
    from spektral.layers import CrystalConv

    from common.baselines.layers import Gaussians, MeanPool

    class Convolution(keras.layers.Layer):
        """CrystalConv on a flat list of pairs."""

        def build(self, shape, *shapes):
            self.inner = CrystalConv(activation="softplus")
            self.inner.build([shape, None, shapes[-1]])
            for dense in (self.inner.dense_f, self.inner.dense_s):
                dense.build((None, 2 * shape[-1] + shapes[-1][-1]))

        def call(self, x, firsts, seconds, edges):
            import tensorflow as tf

            indices = ops.cast(ops.stack([seconds, firsts], axis=1), "int64")
            n = tf.shape(x, out_type=tf.int64)[0]
            return self.inner.propagate(x, tf.SparseTensor(indices, tf.ones_like(firsts), tf.stack([n, n])), edges)

    inputs = graph_inputs(len(element_vectors(config.vectors)))
    edges = Gaussians(round(config.cutoff / config.step) + 1, config.cutoff, config.step)(inputs["edges"])
    x = Dense(config.channels)(inputs["nodes"])
    for _ in range(config.layers):
        x = ops.softplus(Convolution()(x, inputs["firsts"], inputs["seconds"], edges))
    x = MeanPool()(x, inputs["counts"], inputs["graph"], inputs["sizes"])
    return Model(inputs, Dense(1)(Dense(config.hidden, activation="softplus")(x)))


def roost() -> tuple[list[Line], list[str]]:
    """One epoch with batches as flat lists against the same updates with gradients per formula."""
    import keras
    import tensorflow as tf

    devices.setup(0)
    random = np.random.default_rng(0)
    formulas = []
    for _ in range(FORMULAS):
        elements = random.choice(np.arange(3, 84), random.integers(2, 6), replace=False)
        formulas.append("".join(f"{SYMBOLS[z]}{random.integers(1, 7)}" for z in elements))
    target = Target(random.normal(size=FORMULAS), "eV")
    table = MaterialsDataset([str(k) for k in range(FORMULAS)], formulas, targets={"y": target})
    model = Roost()
    features = model.features(table).features
    network = model.build()
    optimizer = keras.optimizers.AdamW(3e-4, weight_decay=1e-6)
    network.compile(optimizer, robust_l1, jit_compile=False)
    optimizer.build(network.trainable_variables)
    batch = model.recipe.batch
    y = target.values.astype(np.float32)

    @tf.function(reduce_retracing=True)
    def gradients(inputs, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(robust_l1(targets, network(inputs, training=True))) / batch
        return tape.gradient(loss, network.trainable_variables)

    def flat():
        for k in range(0, FORMULAS, batch):
            rows = np.arange(k, min(k + batch, FORMULAS))
            network.train_on_batch(features.batch(rows), y[rows])

    def loop():
        for k in range(0, LOOPED, batch):
            total = None
            for row in range(k, min(k + batch, LOOPED)):
                one = gradients(features.batch(np.array([row])), y[row : row + 1])
                total = one if total is None else [a + b for a, b in zip(total, one, strict=True)]
            optimizer.apply(total, network.trainable_variables)

    seconds = {}
    for name, function in (("flat", flat), ("loop", loop)):
        function()
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            function()
            times.append(time.perf_counter() - started)
        seconds[name] = float(np.median(times))
    theirs = seconds["loop"] * FORMULAS / LOOPED
    ours = seconds["flat"]
    text = f"gradients per formula, compiled, extrapolated from {LOOPED} formulas: {theirs:.1f} s; ours {ours:.2f} s"
    line = Line(f"Roost, epoch of {FORMULAS:,} formulas, loop against ours", theirs / ours, "times", ">= 3", text)
    return [line], [
        f"Medians of {ROUNDS} after one that traces; batches of {batch}; random formulas of 2 to 5 elements."
    ]
