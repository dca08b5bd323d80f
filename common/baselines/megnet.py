"""MEGNet: alternating updates of bonds, atoms and a global state.

C. Chen, W. Ye, Y. Zuo, C. Zheng and S. P. Ong, "Graph networks as a universal machine learning framework for molecules
and crystals", Chem. Mater. 31, 3564 (2019). Sizes and recipe are the defaults of the authors' program,
materialsvirtuallab/megnet, class `MEGNetModel`.

    M atoms, E pairs and G crystals in a batch

    input     nodes (M,) atomic numbers; all pairs within 4 angstrom; edges (E,) distances; a state of two zeros
    embed     atoms: 16 numbers an element; bonds: 100 Gaussians of the distance, 0 to 5 angstrom, width 0.5
              each through dense layers 64, 32, softplus2; the state too
    3 blocks  (from the second on dense layers 64, 32 first), MLPs 64, 64, 32, each block added to its input
              e_ij' = MLP[v_i, v_j, e_ij, u]                                                  (E, 32)
              v_i'  = MLP[mean over j of e_ij', v_i, u]                                       (M, 32)
              u'    = MLP[mean of e', mean of v', u]                                          (G, 32)
    read out  set2set over atoms and over bonds, 32 each, beside u                            (G, 96)
    head      dense 32, 16, softplus2, dense 1                                                (G, 1)
    parameters  167,761 by the layer sizes of the program: embedding 1,520, first dense layers 13,984, three blocks of
                39,392, dense layers between them 25,152, set2set 5,280, head 3,649
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from common.baselines.cgcnn import graph_inputs
from common.baselines.neighbours import VERSION, NeighbourGraphs, neighbours
from common.chem.elements import SYMBOLS
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.featurized import Featurized
from common.features.graphs import crystal_graphs
from common.train.recipes.recipe import Recipe
from common.train.regressor import Regressor

#: Size of the embedding: atomic numbers 0 to 94.
ELEMENTS = 95


@dataclass(frozen=True)
class MEGNetConfig:
    """blocks: number of edge, atom and state updates. channels: of the embedding. units: widths of all MLPs.
    cutoff: of the pairs; gaussians, last, width: number, last centre and width of the Gaussians; in angstrom.
    isolated: "drop" refuses crystals with an atom without neighbours, as the program does; "keep" uses zero as the mean
    over the bonds of such an atom.
    memory: whether the cell state of set2set is carried over between steps; the program resets it.
    """

    blocks: int = 3
    channels: int = 16
    units: tuple[int, int, int] = (64, 32, 16)
    cutoff: float = 4.0
    gaussians: int = 100
    last: float = 5.0
    width: float = 0.5
    isolated: str = "drop"
    memory: bool = True

    def __post_init__(self):
        object.__setattr__(self, "units", tuple(self.units))
        if self.isolated not in ("drop", "keep"):
            raise UserError(f"unknown value {self.isolated!r} for isolated; choose one of drop, keep")


VARIANTS = {"released": MEGNetConfig(memory=False), "corrected": MEGNetConfig(isolated="keep")}


def connected(crystal, cutoff: float) -> dict[str, np.ndarray]:
    """The neighbours of a crystal; a crystal with an isolated atom is refused."""
    graph = neighbours(crystal, cutoff)
    degree = np.bincount(graph["centre"], minlength=len(graph["numbers"]))
    if not degree.all():
        element = SYMBOLS[graph["numbers"][np.argmin(degree)]]
        raise UserError(
            f"its {element} has no neighbour within {cutoff:g} angstrom; accept such crystals with isolated='keep'"
        )
    return graph


def check_elements(numbers: np.ndarray) -> None:
    if numbers.max() >= ELEMENTS:
        raise UserError(f"MEGNet's embedding ends at {SYMBOLS[ELEMENTS - 1]} and has none for {SYMBOLS[numbers.max()]}")


def build_megnet(config: MEGNetConfig | None = None):
    """The functional Keras model."""
    from keras import Model, ops
    from keras.layers import Concatenate, Dense, Embedding

    from common.baselines.layers import Gaussians
    from common.baselines.megnet_layers import MLP, MEGNetBlock, Set2Set

    config = config or MEGNetConfig()
    first, second, third = config.units
    inputs = graph_inputs(0)
    pairs = [inputs[name] for name in ("firsts", "seconds", "weights", "graph", "counts")]
    state = {
        "atom": Embedding(ELEMENTS, config.channels, name="embedding")(inputs["nodes"]),
        "bond": Gaussians(config.gaussians, config.last, config.width, name="gaussians")(inputs["edges"]),
        "state": ops.zeros_like(ops.stack([inputs["sizes"]] * 2, axis=-1)),
    }
    state = {name: MLP((first, second), name=f"{name}_start")(x) for name, x in state.items()}
    for number in range(1, config.blocks + 1):
        inputs_of_block = state
        if number > 1:
            inputs_of_block = {name: MLP((first, second), name=f"{name}_{number}")(x) for name, x in state.items()}
        updated = MEGNetBlock((first, first, second), name=f"block_{number}")(*inputs_of_block.values(), *pairs)
        state = {name: x + new for (name, x), new in zip(state.items(), updated, strict=True)}
    sets = [("atom", inputs["counts"], inputs["graph"]), ("bond", inputs["weights"], pair_graph(inputs))]
    read = [
        Set2Set(third, memory=config.memory, name=f"{name}_set")(state[name], weights, group, inputs["sizes"])
        for name, weights, group in sets
    ]
    x = MLP((second, third), name="head")(Concatenate()([*read, state["state"]]))
    return Model(inputs, Dense(1, dtype="float32", name="output")(x), name="megnet")


def pair_graph(inputs: dict):
    """The graph (E,) of each pair."""
    from keras import ops

    return ops.take(inputs["graph"], inputs["firsts"], axis=0)


class MEGNet(Regressor):
    """Crystal -> graph of all neighbours within 4 angstrom -> a property.

    >>> model = MEGNet(epochs=100).fit(table, "formation_energy", split)
    """

    name = "megnet"
    variants = VARIANTS
    #: MSE on unscaled targets, Adam 1e-3 with gradients clipped at 3, batch size 128, 1000 epochs, patience 500.
    recipe = Recipe(loss="mse", learning_rate=1e-3, clip=3.0, batch=128, epochs=1000, patience=500)

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        config = self.config
        make = partial(connected if config.isolated == "drop" else neighbours, cutoff=config.cutoff)
        name = f"{VERSION}-{config.cutoff:g}-0-share" + ("-connected" if config.isolated == "drop" else "")
        return crystal_graphs(table, name, make, check_elements, config.cutoff, jobs, self.store).map(
            lambda graphs: NeighbourGraphs(graphs, None)
        )

    def build(self):
        return build_megnet(self.config)
