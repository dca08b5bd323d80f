"""Finder: self-attention message passing on formula graphs and crystal graphs.

A. Ihalage and Y. Hao, "Formula graph self-attention network for representation-domain independent materials
discovery", Advanced Science 2022, doi:10.1002/advs.202200164. Layer sizes are those of the released program.

    M nodes, E pairs and G graphs in a batch, c = 200 channels

    input     nodes (M, 200); per pair firsts, seconds, weights (E,); per node graph, counts (M,); per graph sizes (G,);
              crystals also edges (E, 20)
    layer l   v' = ReLU(W v + b) + mean over neighbours j of  attention_ij * (V v_j) * s_ij           (M, c)
              attention_ij = softmax over j of (Q v_i) * (K v_j) / sqrt(c), per channel
              s_ij = MLP[(v_i + v_j) / 2, e_ij], 128, 64, c
              e_ij: formulas, MLP[(v_i + v_j) / 2, mean over k of (v_i + v_k) / 2], 128, 64, 1;
                    crystals, 20 Gaussians of the distance
    pool l    p_l = sum over atoms of softmax(gate MLP) * content MLP, hidden width 256                (G, c)
    head      f = flatten(conv 64 x 3 over p_2)                                                        (G, 64 c)
              dense 512 of f, 1024 of [., p_1], 1024 of [., p_2], 256 of [., f], each ReLU
    output    mean and log of the scale                                                                (G, 2)
    parameters     formulas 13,025,140     crystals 12,910,706
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.chem.element_vectors import element_vectors
from finder.config import FinderConfig

if TYPE_CHECKING:
    from keras import KerasTensor, Model

#: Number of Gaussians in the expansion of a distance.
GAUSSIANS = 20


def build_finder(mode: str = "formula", config: FinderConfig | None = None, *, uncertain: bool = True) -> Model:
    """The functional Keras model: `build_finder("formula").count_params() == 13_025_140`.

    uncertain: whether the network outputs the logarithm of a scale for every mean.
    """
    from keras import Input, Model

    from finder.layers import Message, Pool

    config = config or FinderConfig(mode=mode)

    # --- Inputs ---
    inputs = {"nodes": Input((len(element_vectors(config.vectors)),), name="nodes")}
    for name in ("firsts", "seconds", "graph"):
        inputs[name] = Input((), dtype="int32", name=name)
    for name in ("weights", "counts", "sizes"):
        inputs[name] = Input((), name=name)
    if config.mode == "crystal":
        inputs["edges"] = Input((GAUSSIANS,), name="edges")

    # --- Message passing and pools ---
    pairs = [inputs[name] for name in ("firsts", "seconds", "weights", "edges") if name in inputs]
    atoms = [inputs[name] for name in ("graph", "counts", "sizes")]
    x, pools = inputs["nodes"], []
    for number in range(1, config.layers + 1):
        x = Message(**message_options(config), name=f"message_{number}")(x, *pairs)
        pools.append(Pool(config.attention != "none", name=f"pool_{number}")(x, *atoms))

    outputs = read_out(pools, config, uncertain)
    return Model(inputs, outputs, name=f"finder_{config.mode}")


def message_options(config: FinderConfig) -> dict:
    """Arguments of the message-passing layers; also used by the Spektral implementation."""
    return {
        "channels": config.channels,
        "learned_edges": config.mode == "formula",
        "attention": config.attention == "all",
        "itself": config.normalizer == "and itself",
        "update": config.update,
        "scale": config.scale,
    }


def read_out(pools: list, config: FinderConfig, uncertain: bool = True) -> KerasTensor:
    """Output layer on the pools; also used by the Spektral implementation."""
    from keras import layers

    x = post_process(pools) if config.head else pools[-1]
    return layers.Dense((2 if uncertain else 1) * config.outputs, dtype="float32", name="output")(x)


def post_process(pools: list) -> KerasTensor:
    """Dense layers, one of 1024 units per pool, whose input is concatenated with that pool."""
    from keras import layers

    from finder.layers import l2

    def dense(units: int, *inputs):
        x = layers.Concatenate()(list(inputs)) if len(inputs) > 1 else inputs[0]
        return layers.Dense(units, activation="relu", kernel_regularizer=l2(1e-6))(x)

    channels = pools[-1].shape[-1]
    x = layers.Reshape((channels, 1))(pools[-1])
    x = layers.Conv1D(64, 3, padding="same", activation="relu")(x)
    flat = layers.Flatten()(x)
    x = dense(512, flat)
    for pool in pools:
        x = dense(1024, x, pool)
    return dense(256, x, flat)
