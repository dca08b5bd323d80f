"""ESNet: projected densities of states of both spins and the elements present -> formation energy.

D. H. Mok, D. Shin, J. Na, S. Back, J. Mater. Chem. A 2023, doi:10.1039/D3TA01767B. Layer sizes are those of the
released program, which reproduce the parameter counts of the article.

    spin (up, down)            1500 x 9   stem: conv 64 x 20, stride 2, BN, ReLU, average pool 2     375 x 64
                                          stages of two residual units with 64, 128, 256, 512
                                          channels, average pool 2 in between                        47 x 512
    both                       concatenated 47 x 1024, conv 512 x 3, BN, ReLU, mean over energies    512
    composition                111        dense 64, linear
    head                       576        dense 128 ReLU, 64 ReLU, 1 linear
    parameters                 9,756,225, of which 9,736,001 are trainable

A residual unit is conv 3, BN, ReLU, conv 3, BN, channel attention, energy attention; see `layers.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esnet.config import ESNetConfig

if TYPE_CHECKING:
    from keras import KerasTensor, Model

STAGES = (64, 128, 256, 512)


def build_esnet(config: ESNetConfig | None = None) -> Model:
    """The functional Keras model: `build_esnet().count_params() == 9_756_225`."""
    from keras import Model, layers

    from common.nn.convolution import Conv1D

    config = config or ESNetConfig()
    inputs = make_inputs(config)

    # --- Densities of states ---
    x = layers.Concatenate()([_spin(inputs["up"], config), _spin(inputs["down"], config)])
    x = Conv1D(512, 3, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=config.momentum)(x))
    x = layers.GlobalAveragePooling1D()(x)
    return Model(inputs, head(x, inputs, config), name="esnet")


def make_inputs(config: ESNetConfig) -> dict[str, KerasTensor]:
    """Orbitals of spin up and of spin down, elements present, and the unrelaxed energy if it is an input."""
    from keras import Input

    shapes = {
        "up": (config.points, config.orbitals),
        "down": (config.points, config.orbitals),
        "composition": (config.elements,),
    }
    if config.energy == "input":
        shapes["energy"] = (1,)
    return {name: Input(shape, name=name) for name, shape in shapes.items()}


def head(x: KerasTensor, inputs: dict[str, KerasTensor], config: ESNetConfig) -> KerasTensor:
    """Features of the densities (n, channels) and the scalar inputs -> energy."""
    from keras import layers

    vectors = [x, layers.Dense(config.embedding)(inputs["composition"])]
    if "energy" in inputs:
        vectors.append(inputs["energy"])
    x = layers.Concatenate()(vectors)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dense(64, activation="relu")(x)
    return layers.Dense(1, dtype="float32", name="output")(x)


def _spin(x: KerasTensor, config: ESNetConfig) -> KerasTensor:
    from keras import layers

    from esnet.layers import residual_unit

    if config.stem:
        x = layers.Conv1D(STAGES[0], 20, strides=2, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=config.momentum)(x))
        x = layers.AveragePooling1D(2)(x)
    for number, channels in enumerate(STAGES):
        if number:
            x = layers.AveragePooling1D(2, padding="same")(x)
        x = residual_unit(residual_unit(x, channels, config.momentum), channels, config.momentum)
    return x
