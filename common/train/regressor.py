"""Base class of all models, with a scikit-learn-style API: `fit`, `predict`, `save`, `load`.

A paper adds its features, its network and its recipes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from common.chem.formula import symbols_in
from common.data.materials import LARGEST, MaterialsDataset, Target
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.features.cache import DISK_CACHE
from common.features.featurized import FeatureStore
from common.train import devices as backend
from common.train import saved_model
from common.train.calibration import calibrate
from common.train.checkpoints import State
from common.train.estimator import TARGET, Estimator, dataset_and_split
from common.train.finetune import Start, refuse_other_layers, slower
from common.train.loop import train
from common.train.predictor import Predictor
from common.train.recipes.recipe import Recipe
from common.train.recipes.variants import as_settings, chosen, current_names
from common.train.scaler import TargetScaler
from common.train.strategy import select as distribution


class Regressor(Predictor, Estimator):
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
        super().__init__()
        changes = current_names(Recipe, changes)
        recipe = {name: changes.pop(name) for name in list(changes) if name in Recipe.__dataclass_fields__}
        changes = current_names(type(next(iter(self.variants.values()))), changes)
        self.config = chosen(self.variants, variant, also=Recipe.__dataclass_fields__, **changes)
        self.variant, self.seed, self.store = variant, seed, store
        self.deterministic, self.devices = deterministic, distribution.wanted(devices)
        self.recipe = replace(type(self).recipe, **{**self.recipe_of.get(variant, {}), **recipe})
        #: The model whose weights `fit` starts from, see `fine_tuning`.
        self.start: Start | None = None
        self.state: State | None = None
        self.split: Split | None = None

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
