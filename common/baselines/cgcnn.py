"""CGCNN: gated convolutions on crystal graphs of the 12 nearest neighbours.

T. Xie and J. C. Grossman, "Crystal graph convolutional neural networks for an accurate and interpretable prediction of
material properties", Phys. Rev. Lett. 120, 145301 (2018). Sizes and recipe are the defaults of the authors' program,
txie-93/cgcnn, `main.py` and `CIFData`.

    M atoms, E pairs and G crystals in a batch

    input     nodes (M, 92), one-hot; pairs with the 12 nearest neighbours within 8 angstrom, distances (E,)
    embed     v = W v + b                                                                             (M, 64)
              e = 41 Gaussians of the distance, 0 to 8 angstrom, width 0.2                            (E, 41)
    3 layers  z = BatchNorm(W [v_i, v_j, e_ij] + b)                                                   (E, 128)
              v' = softplus(v + BatchNorm(sum over j of sigmoid(z_1) * softplus(z_2)))                (M, 64)
    pool      mean over the atoms                                                                     (G, 64)
    head      softplus, dense 128, softplus, dense 1                                                  (G, 1)
    parameters  80,833 by the layer sizes in the program's model.py: embedding 5,952, three convolutions of 22,144,
                8,320 and 129, without the running means and variances of BatchNorm
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.baselines.neighbours import CrystalPeer
from common.chem.element_vectors import element_vectors
from common.train.recipes.recipe import COSINE, Recipe

if TYPE_CHECKING:
    from keras import KerasTensor, Model


@dataclass(frozen=True)
class CGCNNConfig:
    """vectors: name of the element vectors, see `common.chem.element_vectors`.
    channels, layers: of the convolutions. hidden, dense: width and number of the dense layers after the pool.
    cutoff (angstrom), most: radius and largest number of neighbours per site. ties: "share" or "cut", see
    `common.baselines.neighbours`.
    step: distance between the Gaussians and their width, angstrom.
    activation: of the convolutions. dropout: rate after the last dense layers.
    """

    vectors: str = "cgcnn"
    channels: int = 64
    layers: int = 3
    hidden: int = 128
    dense: int = 1
    cutoff: float = 8.0
    most: int = 12
    ties: str = "share"
    step: float = 0.2
    activation: str = "softplus"
    dropout: float = 0.0


#: The program takes the first 12 neighbours in list order, also among equally distant ones.
VARIANTS = {"released": CGCNNConfig(ties="cut"), "corrected": CGCNNConfig()}


def graph_inputs(n_features: int) -> dict[str, KerasTensor]:
    """Keras inputs for a batch of `NeighbourGraphs`; `n_features` per node, or 0 for atomic numbers."""
    from keras import Input

    nodes = Input((n_features,), name="nodes") if n_features else Input((), dtype="int32", name="nodes")
    inputs = {"nodes": nodes}
    inputs |= {name: Input((), dtype="int32", name=name) for name in ("firsts", "seconds", "graph")}
    return inputs | {name: Input((), name=name) for name in ("weights", "counts", "sizes", "edges")}


def build_cgcnn(config: CGCNNConfig | None = None) -> Model:
    """The functional Keras model."""
    from keras import Model
    from keras.layers import Dense

    from common.baselines.layers import uniform

    config = config or CGCNNConfig()
    inputs = graph_inputs(len(element_vectors(config.vectors)))
    x = Dense(config.channels, kernel_initializer=uniform(), name="embedding")(inputs["nodes"])
    return Model(inputs, convolve(x, inputs, config), name="cgcnn")


def convolve(x: KerasTensor, inputs: dict[str, KerasTensor], config: CGCNNConfig) -> KerasTensor:
    """Convolutions, pool and head: from node embeddings to the output."""
    from keras.layers import Activation, Dense, Dropout

    from common.baselines.layers import GatedConvolution, Gaussians, MeanPool, uniform

    n = round(config.cutoff / config.step) + 1
    edges = Gaussians(n, config.cutoff, config.step, name="gaussians")(inputs["edges"])
    pairs = [inputs[name] for name in ("firsts", "seconds", "weights", "counts")]
    for number in range(1, config.layers + 1):
        x = GatedConvolution(config.activation, name=f"convolution_{number}")(x, *pairs, edges)
    x = MeanPool(name="pool")(x, inputs["counts"], inputs["graph"], inputs["sizes"])
    x = Activation("softplus")(x)
    for number in range(1, config.dense + 1):
        x = Dense(config.hidden, activation="softplus", kernel_initializer=uniform(), name=f"dense_{number}")(x)
        if config.dropout and number > 1:
            x = Dropout(config.dropout, name=f"dropout_{number}")(x)
    return Dense(1, kernel_initializer=uniform(), dtype="float32", name="output")(x)


class CGCNN(CrystalPeer):
    """Crystal -> graph of the 12 nearest neighbours of every site -> gated convolutions -> a property.

    >>> model = CGCNN(epochs=100).fit(table, "band_gap", split)
    """

    name = "cgcnn"
    variants = VARIANTS
    #: MSE on standardized targets, SGD 0.01 with momentum 0.9, times 0.1 after epoch 100, batch size 256, 30 epochs,
    #: lowest validation MAE.
    recipe = Recipe(
        loss="mse", optimizer="sgd", learning_rate=0.01, drop_at=100, batch=256, epochs=30, standardize=True
    )
    recipes = {
        "paper": {},
        "fast": {**COSINE, "loss": "mae", "learning_rate": 3e-3, "batch": 32, "epochs": 120, "drop_at": 0},
    }

    def build(self):
        return build_cgcnn(self.config)
