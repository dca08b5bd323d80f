"""PROFiT-Net and its OFMCNN baseline as regressors: features, network, training recipe."""

from __future__ import annotations

from dataclasses import replace

from common.data.materials import MaterialsDataset
from common.features.cache import featurize
from common.features.featurized import Featurized
from common.train.recipes.recipe import COSINE, Recipe
from common.train.regressor import Regressor
from profitnet.config import VARIANTS
from profitnet.features import FEATURE_VERSION, ProfitFeatures, weights_row
from profitnet.model import build_ofmcnn, build_profitnet


class PROFiTNet(Regressor):
    """136 x 136 property-networking orbital field matrix -> CNN -> one property.

    >>> model = PROFiTNet(epochs=50).fit(table, "band_gap", split)
    >>> model.predict(other_table).prediction
    """

    name = "profitnet"
    variants = VARIANTS
    #: MSE, Adam 1e-3, batch size 512, 500 epochs, lowest validation MAE (released program and methods section).
    recipe = Recipe(loss="mse", learning_rate=1e-3, batch=512, epochs=500, accumulation_steps=4, monitor="MAE")
    recipes = {
        "paper": {},
        "fast": {
            **COSINE,
            "loss": "mae",
            "batch": 64,
            "accumulation_steps": 1,
            "learning_rate": 2e-3,
            "epochs": 40,
            "standardize": True,
        },
    }

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        made = featurize(table, FEATURE_VERSION, weights_row, jobs=jobs, store=self.store)
        return made.map(lambda weights: ProfitFeatures(weights, self.config))

    def build(self):
        return build_profitnet(self.config)


class OFMCNN(PROFiTNet):
    """The same network on the 32 x 32 orbital field matrix, the article's baseline."""

    name = "ofmcnn"
    #: A fast recipe has not been searched for this matrix.
    recipes = {"paper": {}}
    variants = {name: replace(config, matrix="ofm") for name, config in VARIANTS.items()}

    def build(self):
        return build_ofmcnn(self.config)
