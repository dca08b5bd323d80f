"""Roost: weighted soft attention between the elements of a formula.

R. E. A. Goodall and A. A. Lee, "Predicting materials properties without crystal structure: deep representation learning
from stoichiometry", Nat. Commun. 11, 6280 (2020). Sizes and recipe are the defaults of the authors' program,
CompRhys/aviary, `aviary/roost/model.py` and `examples/roost-example.py`.

    M elements, E pairs and G formulas in a batch; pairs include every element with itself

    input     nodes (M, 200) matscholar vectors; atomic fractions (M,)
    embed     v = [W v + b, fraction]                                                        (M, 64)
    3 layers  v_i' = v_i + mean over 3 heads of  sum over j of a_ij * MLP[v_i, v_j]          (M, 64)
              a_ij = softmax over j of  MLP[v_i, v_j] + p log(fraction_j), p learned
              MLPs with one hidden layer of 256, leaky ReLU
    pool      mean over 3 heads of  sum over i of a_i * MLP[v_i], a_i alike                  (G, 64)
    head      residual dense layers 1024, 512; 256, ReLU; residual 128, 64                   (G, 64)
    output    mean and log of the scale                                                      (G, 2)
    parameters  2,302,161 by the layer sizes of the program: embedding 12,663, three message layers of 248,262, pool
                149,958, trunk 1,312,512, output network 82,242
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.baselines.neighbours import node_inputs
from common.chem.element_vectors import ElementVectors, element_vectors
from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset
from common.features.cache import each_formula
from common.features.featurized import Featurized
from common.features.graphs import GraphBatches, all_pairs, filled
from common.features.ragged import Ragged
from common.nn import losses
from common.train.recipes.recipe import COSINE, Recipe
from common.train.regressor import Regressor


@dataclass(frozen=True)
class RoostConfig:
    """vectors: name of the element vectors, see `common.chem.element_vectors`.
    channels: of the node embeddings. layers: number of message layers. heads, hidden: number of heads and width of the
    MLPs in every layer and the pool.
    trunk, tail: widths of the dense layers after the pool; the first of `tail` ends the trunk.
    """

    vectors: str = "matscholar"
    channels: int = 64
    layers: int = 3
    heads: int = 3
    hidden: int = 256
    trunk: tuple[int, ...] = (1024, 512)
    tail: tuple[int, ...] = (256, 128, 64)

    def __post_init__(self):
        # A saved model has lists.
        for name in ("trunk", "tail"):
            object.__setattr__(self, name, tuple(getattr(self, name)))


VARIANTS = {"released": RoostConfig(), "corrected": RoostConfig()}


def fractions_of(formula: str, vectors: ElementVectors) -> dict[str, np.ndarray]:
    """Atomic numbers of the elements of a formula, sorted, and their atomic fractions.

    >>> fractions_of("TiO2", element_vectors("matscholar"))["numbers"]
    array([ 8, 22])
    """
    amounts = dict(sorted(parse_formula(formula).items()))
    numbers = np.array(list(amounts))
    vectors.check(numbers)
    counts = np.array([float(n) for n in amounts.values()])
    return {"numbers": numbers, "fractions": (counts / counts.sum()).astype(np.float32)}


class ElementGraphs(GraphBatches):
    """The elements of many formulas; `batch(rows)` returns the inputs of the network."""

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        numbers, fractions = self.fields(rows, "numbers", "fractions")
        sizes = np.diff(numbers.offset)
        pairs, graph = all_pairs(sizes), np.repeat(np.arange(len(rows)), sizes)
        nodes = self.vectors.table[numbers.values]
        inputs = filled(nodes, pairs, np.ones(len(pairs)), graph, np.ones(len(graph)), len(rows))
        return node_inputs(inputs, "fractions", fractions.values)


def build_roost(config: RoostConfig | None = None, *, uncertain: bool = True):
    """The functional Keras model.

    uncertain: whether the network outputs the logarithm of a scale with the mean.
    """
    from keras import Input, Model, ops
    from keras.layers import Concatenate, Dense

    from common.baselines.layers import uniform

    config = config or RoostConfig()
    inputs = {"nodes": Input((len(element_vectors(config.vectors)),), name="nodes")}
    inputs |= {name: Input((), dtype="int32", name=name) for name in ("firsts", "seconds", "graph")}
    inputs |= {name: Input((), name=name) for name in ("weights", "counts", "sizes", "fractions")}
    x = Dense(config.channels - 1, kernel_initializer=uniform(), name="embedding")(inputs["nodes"])
    x = Concatenate()([x, ops.expand_dims(inputs["fractions"], -1)])
    x = attend(x, inputs, config)
    return Model(inputs, head(x, config, uncertain), name="roost")


def attend(x, inputs: dict, config):
    """Message layers and pool of Roost and Wren: node embeddings -> graph embeddings."""
    from common.baselines.layers import SoftAttention

    sizes = {"heads": config.heads, "hidden": config.hidden}
    for number in range(1, config.layers + 1):
        pairs = [inputs[name] for name in ("fractions", "weights", "firsts", "seconds")]
        x = SoftAttention(**sizes, name=f"message_{number}")(x, *pairs)
    atoms = [inputs[name] for name in ("fractions", "counts", "graph", "sizes")]
    return SoftAttention(**sizes, pool=True, name="pool")(x, *atoms)


def head(x, config, uncertain: bool):
    """Output network of Roost and Wren: graph embeddings -> outputs."""
    from keras.layers import Activation

    from common.baselines.layers import residual_network

    x = Activation("relu")(residual_network(x, config.trunk, config.tail[0], "trunk"))
    x = residual_network(x, config.tail[1:], 2 if uncertain else 1, "output")
    return Activation("linear", dtype="float32", name="outputs")(x)


class Roost(Regressor):
    """Formula -> weighted soft attention between its elements -> a property with its uncertainty.

    >>> model = Roost(epochs=50).fit(table, "band_gap", split)
    >>> Ensemble(lambda seed: Roost(seed=seed), 10).fit(table, "band_gap", split)  # as in the article
    """

    name = "roost"
    variants = VARIANTS
    predict_batch = 1024
    #: Robust L1 on standardized targets, AdamW 3e-4 with weight decay 1e-6, batch size 128, 100 epochs.
    recipe = Recipe(
        loss="robust_l1",
        optimizer="adamw",
        learning_rate=3e-4,
        weight_decay=1e-6,
        batch=128,
        epochs=100,
        standardize=True,
    )
    recipes = {"paper": {}, "fast": {**COSINE, "learning_rate": 1e-3, "batch": 32, "epochs": 60}}

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        vectors = element_vectors(self.config.vectors)
        made = each_formula(table, lambda formula: fractions_of(formula, vectors))
        return made.map(lambda graphs: ElementGraphs(Ragged.stack(graphs), vectors))

    @property
    def needs(self) -> str:
        return "formula"

    def build(self):
        return build_roost(self.config, uncertain=losses.with_uncertainty(self.recipe.loss))
