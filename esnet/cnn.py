"""The paper's plain CNN on densities of states and composition.

Its layers are not published. Ours has convolutions as wide as the stages of ESNet, each followed by pooling; both spins
are concatenated at the input, without residual units or attention.

    both spins        1500 x 18    conv 64 x 9, stride 2, BN, ReLU, average pool 2     375 x 64
                                   conv 64, 128, 256 x 3, BN, ReLU, average pool 2      46 x 256
                                   mean over energies                                  256
    composition       111          dense 64, linear
    head              320          dense 128 ReLU, 64 ReLU, 1 linear
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from common.train.recipes.recipe import COSINE
from esnet.config import ESNetConfig
from esnet.model import head, make_inputs
from esnet.regressor import ESNet

if TYPE_CHECKING:
    from keras import Model


def build_cnn(config: ESNetConfig | None = None) -> Model:
    """The functional Keras model, with the inputs of ESNet."""
    from keras import Model, layers

    config = config or ESNetConfig()
    inputs = make_inputs(config)
    x = layers.Concatenate()([inputs["up"], inputs["down"]])
    for number, filters in enumerate((64, 64, 128, 256)):
        x = layers.Conv1D(filters, 3 if number else 9, strides=1 if number else 2, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=config.momentum)(x))
        x = layers.AveragePooling1D(2)(x)
    x = layers.GlobalAveragePooling1D()(x)
    return Model(inputs, head(x, inputs, config), name="cnn")


class CNN(ESNet):
    """The plain network with the inputs and the recipe of ESNet."""

    name = "esnet-cnn"
    recipe = replace(ESNet.recipe, xla=False)  # not measured
    recipes = {
        "paper": {},
        "fast": {
            **COSINE,
            "learning_rate": 1e-3,
            "batch": 32,
            "epochs": 50,
            "monitor": "MAE",
            "patience": 0,
            "plateau": 0,
        },
    }

    def build(self) -> Model:
        return build_cnn(self.config)
