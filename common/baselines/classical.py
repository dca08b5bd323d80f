"""Classical baselines of every table: the training median, random forest and XGBoost on Magpie features.

Magpie: 22 elemental properties x 6 statistics over the composition (Ward et al. 2016, by matminer); these models use
the formula only, not the structure.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, Self

import numpy as np

from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.features.cache import featurize

MAGPIE = "magpie-2"
#: The heaviest element with data; for heavier ones matminer would use the mean of all elements.
LAST_ELEMENT = 112


@lru_cache(maxsize=1)
def _featurizer():
    from matminer.featurizers.composition import ElementProperty

    return ElementProperty.from_preset("magpie")


def magpie_row(formula: str) -> dict[str, np.ndarray]:
    """The 132 Magpie features of a formula."""
    from pymatgen.core import Composition, Element

    try:
        composition = Composition(formula)
    except ValueError:
        raise UserError(f"{formula!r} is not a chemical formula; write it like TiO2") from None
    for element in composition.elements:
        if not isinstance(element, Element) or element.Z > LAST_ELEMENT:
            raise UserError(f"{formula}: Magpie has no properties for {element.symbol}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {"magpie": np.asarray(_featurizer().featurize(composition), dtype=np.float64)}


class ClassicalModel:
    """Base class with the part of the API of `Regressor` that experiments use.

    Subclasses define `_fit` and `_predict` on arrays, and `_features` if they do not use Magpie features.
    """

    name: str
    hyperparameters: dict = {}
    uses_densities = False

    def __init__(self, *, seed: int = 0, **hyperparameters: Any):
        self.seed = seed
        self.hyperparameters = {**type(self).hyperparameters, **hyperparameters}

    def settings(self) -> dict:
        return {"model": self.name, "hyperparameters": self.hyperparameters, "seed": self.seed}

    def fit(self, table: MaterialsDataset, target: str, split: Split, *, folder=None, jobs: int = 1) -> Self:
        split.check()
        self.target, self.unit = target, table.target(target).unit
        x_train, y_train = self._arrays(table.select(split.train).known(target), jobs)
        left_out = self.left_out
        x_val, y_val = self._arrays(table.select(split.validation).known(target), jobs)
        self.left_out = left_out | self.left_out
        if len(y_train) == 0:
            raise UserError("no training material has a target value; choose another target or split")
        self._fit(x_train, y_train, x_val, y_val, jobs)
        return self

    def predict(self, table: MaterialsDataset, *, jobs: int = 1, bar: bool = False) -> Predictions:
        x, rows = self._features(table, jobs)
        target = table.target(self.target).values[rows] if self.target in table.targets else None
        values = np.asarray(self._predict(x) if len(rows) else [], dtype=np.float64)
        return Predictions(table.ids[rows], values, target, unit=self.unit)

    def _arrays(self, table: MaterialsDataset, jobs: int) -> tuple[np.ndarray, np.ndarray]:
        x, rows = self._features(table, jobs)
        return x, table.target(self.target).values[rows]

    def _features(self, table: MaterialsDataset, jobs: int) -> tuple[np.ndarray, np.ndarray]:
        made = featurize(table, MAGPIE, magpie_row, jobs=1, of="formula")
        self.left_out = made.errors
        if made.features is None:
            return np.zeros((0, 132)), made.rows
        return made.features.field("magpie").values.reshape(len(made.rows), -1), made.rows


class Median(ClassicalModel):
    """Predicts the median of the training targets: the trivial baseline."""

    name = "dummy"

    def _features(self, table: MaterialsDataset, jobs: int):
        self.left_out = {}
        return np.zeros((len(table), 0)), np.arange(len(table))

    def _fit(self, x, y, x_val, y_val, jobs):
        self.median = np.median(y, axis=0)

    def _predict(self, x):
        return np.broadcast_to(self.median, (len(x), *self.median.shape))


class RandomForestMagpie(ClassicalModel):
    """scikit-learn's random forest with default settings."""

    name = "rf-magpie"
    hyperparameters = {"n_estimators": 100}

    def _fit(self, x, y, x_val, y_val, jobs):
        from sklearn.ensemble import RandomForestRegressor

        self.forest = RandomForestRegressor(random_state=self.seed, n_jobs=jobs, **self.hyperparameters).fit(x, y)

    def _predict(self, x):
        return self.forest.predict(x)


class XGBoostMagpie(ClassicalModel):
    """Gradient-boosted trees, with early stopping on the validation set."""

    name = "xgb-magpie"
    hyperparameters = {
        "learning_rate": 0.05,
        "n_estimators": 2000,
        "max_depth": 6,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
    }

    def _fit(self, x, y, x_val, y_val, jobs):
        try:
            from xgboost import XGBRegressor
        except ImportError:
            raise UserError("XGBoost is not installed; install the extra: pip install -e '.[baselines]'") from None
        stopping = {"early_stopping_rounds": 100, "eval_metric": "mae"} if len(y_val) else {}
        self.trees = XGBRegressor(random_state=self.seed, n_jobs=jobs, **stopping, **self.hyperparameters)
        self.trees.fit(x, y, eval_set=[(x_val, y_val)] if len(y_val) else None, verbose=False)

    def _predict(self, x):
        return self.trees.predict(x)
