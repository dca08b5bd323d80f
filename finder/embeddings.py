"""The vectors that a trained network has for materials."""

from __future__ import annotations

import numpy as np

from common.errors import UserError
from common.materials import MaterialsTable
from common.training import predict


def material_vectors(model, table: MaterialsTable, *, jobs: int = 1) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """Outputs (n, 200) of the last attention pool, the rows of `table` they belong to, id -> reason of the others."""
    from keras import Model

    pools = [layer for layer in getattr(model.model, "layers", ()) if layer.name.startswith("pool_")]
    if not pools:
        raise UserError(f"a {model.name} model has no vectors of materials; train finder or finder-crystal")
    features, good, bad = model.features(table, jobs)
    inner = Model(model.model.inputs, pools[-1].output)
    if not len(good):
        return np.zeros((0, pools[-1].output.shape[-1])), good, bad
    return predict(inner, features, np.arange(len(good)), model.predict_batch, bar=True), good, bad
