"""What a trained network has inside: vectors of materials, and edge values between the atoms of a formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from common.chem.element_vectors import element_vectors
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.featurized import Featurized
from common.train.loop import predict
from finder.graphs import formula_graph, from_disjoint


def material_vectors(model, table: MaterialsDataset, *, jobs: int = 1) -> Featurized:
    """Outputs (n, 200) of the last attention pool as features."""
    from keras import Model

    pools = [layer for layer in getattr(model.model, "layers", ()) if layer.name.startswith("pool_")]
    if not pools:
        raise UserError(f"a {model.name} model has no vectors of materials; train finder or finder-crystal")
    made = model.features(table, jobs)
    inner = Model(model.model.inputs, pools[-1].output)
    if made.features is None:
        return replace(made, features=np.zeros((0, pools[-1].output.shape[-1])))
    return made.map(lambda graphs: predict(inner, graphs, np.arange(len(made.rows)), model.predict_batch, bar=True))


def edge_matrix(model, formula: str) -> tuple[list[str], np.ndarray]:
    """Symbols (n,) of the atoms of a formula and the values e_ij (n, n) of the first layer, NaN from an atom to itself.

    Figure 4 shows these for perovskites.
    """
    from common.chem.elements import SYMBOLS

    layer = next((one for one in getattr(model.model, "layers", ()) if one.name == "message_1"), None)
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
