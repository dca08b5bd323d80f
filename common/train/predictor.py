"""The half of a model that predicts: materials in, values with their uncertainty, intervals and domain out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from common.chem.formula import symbols_in
from common.data.conformal import Conformal, with_interval
from common.data.domain import Domain
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.errors import UserError
from common.features.featurized import Featurized
from common.io.messages import about
from common.nn import losses
from common.sources.files import Loaded
from common.sources.inputs import as_dataset
from common.train import devices
from common.train.hidden import classes_of, fit_domain, hidden_and_outputs
from common.train.loop import means, predict
from common.train.recipes.recipe import Recipe
from common.train.scaler import TargetScaler


class Predictor:
    """A network with all that its predictions need. `Regressor` is one that can be trained and saved."""

    name: str
    recipe: Recipe
    seed: int
    #: Batch size of predictions.
    predict_batch = 128

    def __init__(self) -> None:
        self.target, self.unit, self.axis_unit = "", "", ""
        self.axis: np.ndarray | None = None
        self.scaler = TargetScaler()
        #: Elements of the training materials; none if unknown, as in models of earlier versions.
        self.elements: tuple[str, ...] = ()
        #: Half widths of prediction intervals; None in models of earlier versions or without held-out materials.
        self.conformal: Conformal | None = None
        #: What `fit_domain` learned; it is stored with the model.
        self.domain: Domain | None = None
        self.model: Any = None
        self.left_out: dict[str, str] = {}

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        """Features of the materials that this model accepts, and why it refuses the others."""
        raise UserError(f"{type(self).__name__} defines no features")

    def predict(
        self,
        materials: Any,
        *,
        jobs: int = 1,
        strict: bool = False,
        bar: bool = True,
        interval: float | None = None,
        domain: bool = False,
    ) -> Predictions:
        """Predictions for every material that has features; `left_out` says why others have none.

        materials: a `MaterialsDataset`, or what `common.sources.inputs.as_dataset` makes one of. strict: raise an error
        at the first material that cannot be predicted. interval: add bounds that hold with this probability.
        domain: say whether each material lies inside the domain of the training set, see `fit_domain`.
        """
        self._check_trained()
        self.left_out = {}
        table, left_out = self.read(materials)
        made = self.features(table, jobs)
        self.left_out = left_out | made.errors
        if self.left_out and (strict or not (len(made.rows) or isinstance(materials, MaterialsDataset))):
            raise UserError(about(*next(iter(self.left_out.items()))))
        if self.left_out and not isinstance(materials, MaterialsDataset):
            first, count = about(*next(iter(self.left_out.items()))), len(self.left_out)
            warnings.warn(f"{count} left out of the predictions, see left_out; the first is {first}", stacklevel=2)
        if not domain:
            return with_interval(self.predict_features(table, made, bar=bar), self.conformal, interval)
        if self.domain is None:
            raise UserError("this model has no domain; fit_domain finds it after fit, from enough held-out materials")
        hidden, outputs = hidden_and_outputs(self, made, bar=bar)
        predicted = self.predict_features(table, made, outputs=outputs)
        classes = classes_of(self, table, made, hidden)
        return replace(with_interval(predicted, self.conformal, interval), domain=classes)

    def read(self, materials: Any) -> Loaded:
        """What `predict` takes, as a dataset, and the materials that cannot be read."""
        return as_dataset(materials)

    def predict_features(
        self, table: MaterialsDataset, made: Featurized, *, bar: bool = True, outputs: np.ndarray | None = None
    ) -> Predictions:
        """Predictions for the valid rows of `table` from `made`, its features; `outputs` are those of the network."""
        known = table.target(self.target).values[made.rows] if self.target in table.targets else None
        shape = (len(made.rows),) if self.axis is None else (len(made.rows), len(self.axis))
        if not len(made.rows):
            return Predictions(table.ids[made.rows], np.zeros(shape), known, unit=self.unit)
        if outputs is None:
            outputs = predict(self.model, made.features, np.arange(len(made.rows)), self.predict_batch, bar=bar)
        std = None
        if losses.with_uncertainty(self.recipe.loss):
            logs = np.clip(outputs[:, outputs.shape[1] // 2 :], -losses.LOG_LIMIT, losses.LOG_LIMIT)
            std = self.scaler.factor * np.exp(logs).reshape(shape)
        values = self.scaler.inverse_transform(means(outputs, shape)) + self.offsets(made.features)
        return Predictions(table.ids[made.rows], values, known, std, self.unit)

    def fit_domain(self, table: MaterialsDataset, *, jobs: int = 1) -> Domain | None:
        """Learn the domain of the training set; `table` has the materials of the split."""
        return fit_domain(self, table, jobs=jobs)

    def offsets(self, features: Any) -> np.ndarray | float:
        """A known contribution to the target of every row, to which the network learns the difference."""
        return 0.0

    def unseen_elements(self, formulas: Iterable[str]) -> list[str] | None:
        """For each formula the elements that no training material has, as in "O Pu"; None if these are unknown."""
        if not self.elements:
            return None
        return [" ".join(symbol for symbol in symbols_in(text) if symbol not in self.elements) for text in formulas]

    def build(self) -> Any:
        """The untrained network."""
        raise UserError(f"{type(self).__name__} defines no network")

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copies: the network as its weights, since another process does not know its optimizer."""
        return {**self.__dict__, "model": None if self.model is None else self.model.get_weights()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "model": None})
        if state["model"] is not None:
            devices.setup(self.seed, precision=self.recipe.precision)
            self.model = self.build()
            self.model.set_weights(state["model"])

    def _check_trained(self) -> None:
        if self.model is None:
            raise UserError("this model is not trained yet: call fit or load")
