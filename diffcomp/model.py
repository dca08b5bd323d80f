"""The two-branch network: a composition vector and a diffraction picture -> one property.

J. Phys. Chem. Lett. 2021, 12, 8376, doi:10.1021/acs.jpclett.1c02305. Layer sizes are those of the released checkpoint.

    picture  128 x 128 x 3  three times [conv 32 x 5 x 5, linear; max pool 2]   16 x 16 x 32
             ReLU, dense 512 ReLU, dropout 0.3, dense `10 - cv_nodes` linear
    vector   60 x 1         three times [conv 64 x (3, 4, 5), linear; max pool 2]   8 x 64
             ReLU, dense 512 ReLU, dropout 0.3, dense `cv_nodes` linear
    both     concatenated to 10 nodes, dense 1 linear
    parameters with 9 : 1   4,553,557

The ratio of the two parts is that of their nodes; at its ends the branch without nodes is left out.
"""

from __future__ import annotations

from diffcomp.config import NODES, check_nodes

PICTURE, VECTOR = 128, 60


def build_diffcomp(cv_nodes: int = 9, *, vector: int = VECTOR, fusion: int = 0):
    """The functional Keras model: `build_diffcomp(9).count_params() == 4_553_557`.

    cv_nodes: 0 (picture alone) to 10 (composition alone). vector: length of the composition vector. fusion: nodes of a
    hidden ReLU layer between the ten nodes and the output, which the article does not have; 0 = none.
    """
    from keras import Input, Model, layers

    from common.nn.convolution import Conv2D, MaxPooling2D

    check_nodes(cv_nodes)
    inputs, branches = {}, []

    # --- Picture ---
    if cv_nodes < NODES:
        inputs["pattern"] = x = Input((PICTURE, PICTURE, 3), name="pattern")
        for _ in range(3):
            x = Conv2D(32, 5, padding="same", **_initial())(x)
            x = MaxPooling2D(2)(x)
        branches.append(_dense_part(x, NODES - cv_nodes))

    # --- Composition ---
    if cv_nodes > 0:
        inputs["composition"] = x = Input((vector, 1), name="composition")
        for width in (3, 4, 5):
            x = layers.Conv1D(64, width, padding="same", **_initial())(x)
            x = layers.MaxPooling1D(2, padding="same")(x)
        branches.append(_dense_part(x, cv_nodes))

    # --- Both ---
    x = layers.Concatenate()(branches) if len(branches) > 1 else branches[0]
    if fusion:
        x = layers.Dense(fusion, activation="relu", name="fusion")(x)
    return Model(inputs, layers.Dense(1, dtype="float32", name="output")(x), name="diffcomp")


def _initial() -> dict:
    from keras import initializers

    return {"kernel_initializer": initializers.TruncatedNormal(stddev=0.02)}


def _dense_part(x, nodes: int):
    from keras import layers

    x = layers.ReLU()(layers.Flatten()(x))
    x = layers.Dense(512, activation="relu")(x)
    return layers.Dense(nodes)(layers.Dropout(0.3)(x))
