"""A random forest on composition vectors, a baseline without the network."""

from __future__ import annotations

import numpy as np

from common.baselines.classical import RandomForestMagpie
from common.data.materials import MaterialsDataset
from diffcomp.config import NODES
from diffcomp.regressor import DiffComp


class RandomForestVectors(RandomForestMagpie):
    """scikit-learn's random forest with its defaults; `elements` and `order` are those of the composition vector."""

    name = "rf-cv"

    def __init__(self, *, seed: int = 0, elements: int = 2, order: str = "metal first", **hyperparameters):
        super().__init__(seed=seed, **hyperparameters)
        self.vectors = DiffComp(
            cv_nodes=NODES, elements=elements, order=order, scaled_over="table", orientation="as given"
        )

    def settings(self) -> dict:
        vectors = self.vectors.settings()
        return {**super().settings(), "config": vectors["config"], "element_vectors": vectors["element_vectors"]}

    def _features(self, table: MaterialsDataset, jobs: int):
        made = self.vectors.features(table)
        self.left_out = made.errors
        return (made.features.vectors if len(made.rows) else np.zeros((0, 0))), made.rows
