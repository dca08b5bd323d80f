"""The paper's plain CNN on raw densities of states and composition.

Its layers are not published. Here: convolutions as wide as ESNet's stages with a pool after each, no spins apart, no
residual units, no attention.

    both spins        1500 x 18    conv 64 x 9, stride 2, BN, ReLU, average pool 2     375 x 64
                                   conv 64, 128, 256 x 3, BN, ReLU, average pool 2      46 x 256
                                   mean over energies                                  256
    composition       111          dense 64, linear
    head              320          dense 128 ReLU, 64 ReLU, 1 linear
"""

from __future__ import annotations

from esnet.config import ESNetConfig
from esnet.regressor import ESNet


def build_cnn(config: ESNetConfig | None = None):
    """The functional Keras model, with the inputs of ESNet."""
    from keras import Input, Model, layers

    config = config or ESNetConfig()
    up = Input((config.points, config.orbitals), name="up")
    down = Input((config.points, config.orbitals), name="down")
    elements = Input((config.elements,), name="composition")
    x = layers.Concatenate()([up, down])
    for number, filters in enumerate((64, 64, 128, 256)):
        x = layers.Conv1D(filters, 3 if number else 9, strides=1 if number else 2, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=config.momentum)(x))
        x = layers.AveragePooling1D(2)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Concatenate()([x, layers.Dense(config.embedding)(elements)])
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dense(64, activation="relu")(x)
    outputs = layers.Dense(1, dtype="float32", name="output")(x)
    return Model({"up": up, "down": down, "composition": elements}, outputs, name="cnn")


class CNN(ESNet):
    """The same inputs and recipe on the plain network."""

    name = "esnet-cnn"

    def build(self):
        return build_cnn(self.config)
