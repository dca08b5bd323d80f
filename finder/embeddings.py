"""Internal values of a trained network: embeddings of materials, and edge values between the atoms of a formula."""

from __future__ import annotations

import numpy as np

from common.chem.element_vectors import element_vectors
from common.chem.elements import SYMBOLS
from common.errors import UserError
from common.features.featurized import Featurized
from common.train.loop import predict
from finder.graphs import formula_graph, from_disjoint
from finder.regressor import Finder


def material_vectors(model: Finder, made: Featurized) -> np.ndarray:
    """Outputs (n, 200) of the last attention pool for the features of n materials."""
    from keras import Model

    pools = [layer for layer in getattr(model.model, "layers", ()) if layer.name.startswith("pool_")]
    if not pools:
        raise UserError(f"a {model.name} model has no material embeddings; train finder or finder-crystal")
    if made.features is None:
        return np.zeros((0, pools[-1].output.shape[-1]))
    network = Model(model.model.inputs, pools[-1].output)
    return predict(network, made.features, np.arange(len(made.rows)), model.predict_batch, bar=True)


def edge_matrix(model: Finder, formula: str) -> tuple[list[str], np.ndarray]:
    """Symbols (n,) of the atoms of a formula and the values e_ij (n, n) of the first layer, NaN from an atom to itself.

    Figure 4 shows these for perovskites.
    """
    layer = next((layer for layer in getattr(model.model, "layers", ()) if layer.name == "message_1"), None)
    if layer is None or not getattr(layer, "learned_edges", False):
        raise UserError(f"a {model.name} model learns no edge values; train finder on formulas")
    graph = formula_graph(formula, model.config)
    numbers = np.repeat(graph["numbers"], graph["counts"])
    n = len(numbers)
    pairs = np.argwhere(~np.eye(n, dtype=bool))
    nodes = element_vectors(model.config.vectors).table[numbers]
    batch = from_disjoint(nodes, pairs, None, np.zeros(n, dtype=int))
    values = layer.edge_values(batch["nodes"], batch["firsts"], batch["seconds"], batch["weights"][:, None])
    matrix = np.full((n, n), np.nan)
    matrix[tuple(pairs.T)] = np.asarray(values)[: len(pairs), 0]
    return [SYMBOLS[z] for z in numbers], matrix
