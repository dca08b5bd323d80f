"""PROFiT-Net and its OFMCNN baseline: a one-dimensional CNN on the flattened matrix.

S. J. Kim et al., "PROFiT-Net: Property-Networking Deep Learning Model for Materials",
J. Am. Chem. Soc. 2024, doi:10.1021/jacs.4c05159. The layers are those of the released program;
`late_relu=False` follows the article's text for blocks 4 and 5.

    block                                                PROFiT-Net     OFMCNN
    input: flattened matrix, row-major                   18496 x 1      1024 x 1
    1 conv 21 x 4, ReLU, average pool 6, dropout 0.01    3082 x 21      170 x 21
    2 conv 11 x 9, ReLU, dropout 0.01, max pool 2        1537 x 11      81 x 11
    3 conv 9 x 14, ReLU, dropout 0.02                    1524 x 9       68 x 9
    4 conv 9 x 3, ReLU, dropout 0.01                     1522 x 9       66 x 9
    5 conv 9 x 1, ReLU, dropout 0.01                     1522 x 9       66 x 9
    flatten                                              13698          594
    dense 1024, 256, 512, 64, 16, each ReLU              16             16
    dense 1                                              1              1
    parameters                                           14,459,581     1,041,085

All convolutions have stride 1 and no padding; kernels are initialized He-uniform, biases with zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from profitnet.atoms import ATOM, VALENCE
from profitnet.config import ProfitConfig

if TYPE_CHECKING:
    from keras import Model


def build_network(side: int, *, late_relu: bool = True, name: str = "profitnet") -> Model:
    """The functional Keras model for matrices of `side` x `side`, input (batch, side * side, 1), output (batch, 1)."""
    from keras import Input, Model, layers

    def convolution(filters: int, width: int, relu: bool = True):
        return layers.Conv1D(filters, width, activation="relu" if relu else None, kernel_initializer="he_uniform")

    # --- Layers and functional graph ---
    inputs = x = Input((side * side, 1), name="matrix")
    x = convolution(21, 4)(x)
    x = layers.AveragePooling1D(6)(x)
    x = layers.Dropout(0.01)(x)
    x = convolution(11, 9)(x)
    x = layers.Dropout(0.01)(x)
    x = layers.MaxPooling1D(2)(x)
    x = convolution(9, 14)(x)
    x = layers.Dropout(0.02)(x)
    x = convolution(9, 3, relu=late_relu)(x)
    x = layers.Dropout(0.01)(x)
    x = convolution(9, 1, relu=late_relu)(x)
    x = layers.Dropout(0.01)(x)
    x = layers.Flatten()(x)
    for units in (1024, 256, 512, 64, 16):
        x = layers.Dense(units, activation="relu", kernel_initializer="he_uniform")(x)
    outputs = layers.Dense(1, kernel_initializer="he_uniform", dtype="float32")(x)
    return Model(inputs, outputs, name=name)


def build_profitnet(config: ProfitConfig | None = None) -> Model:
    """PROFiT-Net: `build_profitnet().count_params() == 14_459_581`."""
    return build_network(ATOM, late_relu=(config or ProfitConfig()).late_relu)


def build_ofmcnn(config: ProfitConfig | None = None) -> Model:
    """OFMCNN, the same network on the 32 x 32 orbital field matrix: 1,041,085 parameters."""
    return build_network(VALENCE, late_relu=(config or ProfitConfig()).late_relu, name="ofmcnn")
