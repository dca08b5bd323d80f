"""Base class of all models, with a scikit-learn-style API: `fit`, `predict`, `save`, `load`.

A paper adds its features, its network and its recipes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from common.chem.formula import symbols_in
from common.data.conformal import Conformal, with_interval
from common.data.domain import Domain
from common.data.materials import LARGEST, MaterialsDataset, Target
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.features.cache import DISK_CACHE
from common.features.featurized import FeatureStore, Featurized
from common.io.messages import about
from common.nn import losses
from common.sources.files import Loaded
from common.sources.inputs import as_dataset
from common.train import devices as backend
from common.train import saved_model
from common.train.calibration import calibrate
from common.train.checkpoints import State
from common.train.estimator import TARGET, Estimator, dataset_and_split
from common.train.finetune import Start, refuse_other_layers, slower
from common.train.hidden import classes_of, fit_domain, hidden_and_outputs
from common.train.loop import means, predict, train
from common.train.recipes.recipe import Recipe
from common.train.recipes.variants import as_settings, chosen, current_names
from common.train.scaler import TargetScaler
from common.train.strategy import select as distribution


class Regressor(Estimator):
    """Predicts one target of a `MaterialsDataset`.

    A subclass sets `name`, `recipe` and `variants` (preset name -> configuration dataclass) and defines
    `features(table, jobs)`, whose features have `batch(rows)`, and `build()` -> Keras model. Features that are cached
    come from `self.store`.
    """

    name: str
    recipe: Recipe
    variants: dict
    #: Named changes of the recipe. "paper" is the recipe itself; "fast", where a network has it, takes less time.
    recipes: dict[str, dict] = {"paper": {}}
    #: What a variant changes in the recipe.
    recipe_of: dict[str, dict] = {}
    #: Whether the model learns from densities of states.
    uses_densities = False
    #: Batch size of predictions.
    predict_batch = 128

    def __init__(
        self,
        variant: str = "corrected",
        *,
        seed: int = 0,
        deterministic: bool = False,
        devices: int | str | None = None,
        store: FeatureStore = DISK_CACHE,
        **changes: Any,
    ):
        """`changes` of the recipe and of the variant's configuration, by the names of their fields.

        devices: how many of them train together, see `common.train.strategy.select`; the result is that of one.
        store: where features come from.
        """
        changes = current_names(Recipe, changes)
        recipe = {name: changes.pop(name) for name in list(changes) if name in Recipe.__dataclass_fields__}
        changes = current_names(type(next(iter(self.variants.values()))), changes)
        self.config = chosen(self.variants, variant, also=Recipe.__dataclass_fields__, **changes)
        self.variant, self.seed, self.store = variant, seed, store
        self.deterministic, self.devices = deterministic, distribution.wanted(devices)
        self.recipe = replace(type(self).recipe, **{**self.recipe_of.get(variant, {}), **recipe})
        self.target, self.unit, self.axis_unit = "", "", ""
        self.axis: np.ndarray | None = None
        self.scaler = TargetScaler()
        #: Elements of the training materials; none if unknown, as in models of earlier versions.
        self.elements: tuple[str, ...] = ()
        #: Half widths of prediction intervals; None in models of earlier versions or without held-out materials.
        self.conformal: Conformal | None = None
        #: The model whose weights `fit` starts from, see `fine_tuning`.
        self.start: Start | None = None
        #: What `fit_domain` learned; it is stored with the model.
        self.domain: Domain | None = None
        self.model: Any = None
        self.state: State | None = None
        self.split: Split | None = None
        self.left_out: dict[str, str] = {}

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        """Features of the materials that this model accepts, and why it refuses the others."""
        raise UserError(f"{type(self).__name__} defines no features")

    def build(self) -> Any:
        raise UserError(f"{type(self).__name__} defines no network")

    def fine_tuning(self, *, name: str = "", head_only: bool = False, seed: int = 0, **changes: Any) -> Self:
        """An untrained model of this network, whose `fit` starts from the weights of this trained one.

        Elements and scaling of the inputs remain known; the scaling of the target is fitted again. head_only: train the
        output layer and leave all others as they are. changes: of the recipe; the learning rate is a tenth of the
        recipe's by default, or all of it with head_only. name: of this model, stored with the fine-tuned one.
        """
        self._check_trained()
        changes = current_names(Recipe, changes)
        rate = replace(type(self).recipe, **self.recipe_of.get(self.variant, {})).learning_rate
        changes = {"learning_rate": slower(rate, head_only=head_only), **changes}
        start = Start.of(self, name or f"a {self.name} model of {self.target}", head_only=head_only)
        refuse_other_layers(start, changes)
        model = type(self)(self.variant, seed=seed, **changes)
        model.begin_from(start)
        return model

    def shape_for(self, target: Target) -> None:
        """Make the configuration fit a target that is a curve."""
        if target.values.ndim > 1:
            raise UserError(f"{self.name} predicts one number a material, not a curve")

    def fit(
        self,
        table: Any,
        target: Any,
        split: Split | None = None,
        *,
        folder: Path | None = None,
        jobs: int = 1,
        callbacks: Sequence[Any] = (),
    ) -> Self:
        """Train on `split.train` and keep the weights that are best on `split.validation`.

        Without a split, `fit(X, y)` takes materials as `predict` does and their values, and holds out 10 % of them for
        validation. folder: for checkpoints; an interrupted training resumes from there. callbacks: of Keras.
        """
        if not isinstance(target, str):
            (table, split), target = dataset_and_split(table, target, self.seed), TARGET
        if split is None:
            raise UserError("fit needs a dataset, the name of a target and a split; or materials and their values")
        _check_dataset(table)
        split.check()
        split = self.adapt_split(split)
        selected = split.subsets()[self.selection]
        table = table.select((*split.train, *selected, *split.calibration)).known(target)
        self.target, self.split = target, split
        values, self.unit, self.axis, self.axis_unit = whole = table.target(target)
        _check_values(table, target, values)
        self.shape_for(whole)
        self.elements = self.known_elements(elements_in(table.formulas[np.isin(table.ids, split.train)]))
        if self.start:
            self.set_input_state(self.start.content().inputs)
        made = self.features(table, jobs)
        self.left_out = made.errors
        ids = table.ids[made.rows]
        inside = np.isin(ids, split.train)
        if self.left_out and not inside.any():
            name, reason = next(iter(self.left_out.items()))
            raise UserError(f"no training material is left; the first one left out is {name}: {reason}")
        values = values[made.rows].astype(np.float32) - self.offsets(made.features)
        if self.recipe.standardize:
            self.scaler = TargetScaler.of(values[inside])
        if not self.start:
            self.fit_inputs(made.features, np.flatnonzero(inside))
        strategy = distribution.on(self.devices)
        backend.setup(self.seed, deterministic=self.deterministic, precision=self.recipe.precision)
        rows = np.arange(len(made.rows))
        with strategy.scope():
            self.model = self.build()
            if self.start:
                self.start.apply(self.model)
            self.state = train(
                self.model,
                made.features,
                values,
                rows[inside],
                rows[np.isin(ids, selected)],
                self.recipe,
                seed=self.seed,
                folder=folder,
                scaler=self.scaler,
                strategy=strategy,
                callbacks=callbacks,
                start=self.start.weights if self.start else "",
            )
        if strategy.replicas > 1:
            weights = self.model.get_weights()
            self.model = self.build()  # a model without a distribution strategy
            self.model.set_weights(weights)
        self.conformal = calibrate(self, table, split, self.selection, jobs)
        self.left_out = made.errors
        return self

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

    def fit_domain(self, table: MaterialsDataset, *, jobs: int = 1) -> Domain | None:
        """Learn the domain of the training set; `table` has the materials of the split."""
        return fit_domain(self, table, jobs=jobs)

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

    @property
    def needs(self) -> str:
        """What the features are computed from: "formula", "structure" or "densities"."""
        return "densities" if self.uses_densities else "structure"

    @property
    def selection(self) -> str:
        """The set of the split whose errors are followed, and by which the epoch is chosen where one is chosen."""
        return self.recipe.follow

    def adapt_split(self, split: Split) -> Split:
        """The split as this model uses it."""
        return split

    @property
    def input_targets(self) -> tuple[str, ...]:
        """Targets of the dataset that this model uses as inputs."""
        return ()

    def offsets(self, features: Any) -> np.ndarray | float:
        """A known contribution to the target of every row, to which the network learns the difference."""
        return 0.0

    def known_elements(self, found: tuple[str, ...]) -> tuple[str, ...]:
        """The elements of the training set, and of that of the model that this one starts from."""
        return tuple(sorted({*found, *(self.start.content().elements if self.start else ())}))

    def fit_inputs(self, features: Any, rows: np.ndarray) -> None:
        """Fit the scaling of inputs to the training rows, where a model scales its inputs."""

    def input_state(self) -> dict:
        """What `fit_inputs` learned, as plain values that are stored with the model."""
        return {}

    def set_input_state(self, state: dict) -> None:
        """Restore what `input_state` returned."""

    def probes(self, table: MaterialsDataset, jobs: int = 1) -> dict[str, Predictions]:
        """Name -> predictions for changed inputs, where a table of the paper needs them."""
        return {}

    def unseen_elements(self, formulas: Iterable[str]) -> list[str] | None:
        """For each formula the elements that no training material has, as in "O Pu"; None if these are unknown."""
        if not self.elements:
            return None
        return [" ".join(symbol for symbol in symbols_in(text) if symbol not in self.elements) for text in formulas]

    def _check_trained(self) -> None:
        if self.model is None:
            raise UserError("this model is not trained yet: call fit or load")

    def settings(self) -> dict:
        """Everything the result depends on, as plain values."""
        started = {"started_from": self.start.as_plain()} if self.start else {}
        return {
            "model": self.name,
            "variant": self.variant,
            "config": as_settings(self.config),
            "recipe": self.recipe.numerical_fields(),
            "seed": self.seed,
            **started,
        }

    def save(self, folder: str | Path) -> Path:
        """Write `model.json`, `model.weights.h5` and `split.json`; a saved model reloads with the same output."""
        self._check_trained()
        return saved_model.save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        return saved_model.load(cls, Path(folder))


def _check_dataset(table: object) -> None:
    if not isinstance(table, MaterialsDataset):
        raise UserError(
            f"a MaterialsDataset is needed, not {type(table).__name__}; read_table and from_structures of "
            "common.sources.files make one"
        )


def _check_values(table: MaterialsDataset, target: str, values: np.ndarray) -> None:
    """Refuse values that overflow in single precision when they are squared."""
    beyond = np.flatnonzero((np.abs(values) > LARGEST).any(axis=tuple(range(1, values.ndim))))
    if len(beyond):
        raise UserError(
            f"{target} of {table.ids[beyond[0]]} is beyond {LARGEST:g}; correct it, or convert it to a larger unit"
        )


def elements_in(formulas: Iterable[str]) -> tuple[str, ...]:
    """The elements of all these formulas, sorted."""
    return tuple(sorted({symbol for text in set(formulas) for symbol in symbols_in(text)}))
