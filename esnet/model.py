"""ESNet: the projected density of states of both spins and the elements present -> formation energy.

D. H. Mok, H. Shin, J. Na, S. Back, J. Mater. Chem. A 2023, doi:10.1039/D3TA01767B. Layer sizes are those of the
released program, which give the article's parameter counts.

    spin (up and down apart)   1500 x 9   stem: conv 64 x 20, stride 2, BN, ReLU, average pool 2     375 x 64
                                          stages of two residual units with 64, 128, 256, 512
                                          channels, average pool 2 between them                      47 x 512
    both                       side by side 47 x 1024, conv 512 x 3, BN, ReLU, mean over energies    512
    composition                111        dense 64, linear
    head                       576        dense 128 ReLU, 64 ReLU, 1 linear
    parameters                 9,756,225, of which 9,736,001 are trained

A residual unit is conv 3, BN, ReLU, conv 3, BN, attention over channels, then over energies; `layers.py`.
"""

from __future__ import annotations

from esnet.config import ESNetConfig

STAGES = (64, 128, 256, 512)


def build_esnet(config: ESNetConfig | None = None):
    """The functional Keras model: `build_esnet().count_params() == 9_756_225`."""
    from keras import Input, Model, layers

    config = config or ESNetConfig()

    # --- Inputs: orbitals of spin up, of spin down, elements present ---
    up = Input((config.points, config.orbitals), name="up")
    down = Input((config.points, config.orbitals), name="down")
    elements = Input((config.elements,), name="composition")

    # --- Densities of states ---
    x = layers.Concatenate()([_spin(up, config), _spin(down, config)])
    x = layers.Conv1D(512, 3, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=config.momentum)(x))
    x = layers.GlobalAveragePooling1D()(x)

    # --- Composition and head ---
    x = layers.Concatenate()([x, layers.Dense(config.embedding)(elements)])
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dense(64, activation="relu")(x)
    outputs = layers.Dense(1, dtype="float32", name="output")(x)
    return Model({"up": up, "down": down, "composition": elements}, outputs, name="esnet")


def _spin(x, config: ESNetConfig):
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
