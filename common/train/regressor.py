"""Base class of all models, with a scikit-learn-style API: `fit`, `predict`, `save`, `load`.

A paper adds its features, its network and its recipes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from common.chem.formula import symbols_in
from common.data.materials import MaterialsDataset, Target
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.features.cache import DISK_CACHE
from common.features.featurized import FeatureStore, Featurized
from common.io.files import file_digest, reason_of, replacing, write_text
from common.nn import losses
from common.train import devices
from common.train.checkpoints import State
from common.train.loop import means, predict, train
from common.train.recipe import Recipe
from common.train.scaler import TargetScaler
from common.train.strategy import select as distribution
from common.train.variants import as_settings, chosen, current_names, from_settings

#: Raised whenever a saved model of an earlier version would not give the same output.
FORMAT = 1


class Regressor:
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
    #: Whether densities of states belong to the data that it learns from.
    uses_densities = False
    #: Materials at once when predicting.
    predict_batch = 128

    def __init__(
        self,
        variant: str = "corrected",
        *,
        seed: int = 0,
        deterministic: bool = False,
        devices: int | str | None = None,
        store: FeatureStore = DISK_CACHE,
        **changes,
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
        self.target, self.unit, self.axis, self.axis_unit = "", "", None, ""
        self.scaler = TargetScaler()
        #: Elements of the training materials; none if unknown, as in models of earlier versions.
        self.elements: tuple[str, ...] = ()
        self.model, self.state, self.split = None, None, None

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        """Features of the materials that this model accepts, and why it refuses the others."""
        raise UserError(f"{type(self).__name__} defines no features")

    def build(self):
        raise UserError(f"{type(self).__name__} defines no network")

    def shape_for(self, target: Target) -> None:
        """Make the configuration fit a target that is a curve."""
        if target.values.ndim > 1:
            raise UserError(f"{self.name} predicts one number a material, not a curve")

    def fit(
        self, table: MaterialsDataset, target: str, split: Split, *, folder: Path | None = None, jobs: int = 1
    ) -> Regressor:
        """Train on `split.train`, keep the weights that are best on `split.validation`, or where `selection` says.

        With a `folder` the run is checkpointed there and goes on where it stopped.
        """
        split.check()
        split = self.parts(split)
        table = table.select((*split.train, *split.parts()[self.selection])).known(target)
        self.target, self.split = target, split
        values, self.unit, self.axis, self.axis_unit = whole = table.target(target)
        self.shape_for(whole)
        self.elements = elements_in(table.formulas[np.isin(table.ids, split.train)])
        self.learn_from(table.select([name for name in split.train if name in table]))
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
        self.fit_inputs(made.features, np.flatnonzero(inside))
        strategy = distribution.on(self.devices)
        devices.setup(self.seed, deterministic=self.deterministic, precision=self.recipe.precision)
        rows = np.arange(len(made.rows))
        with strategy.scope():
            self.model = self.build()
            self.state: State = train(
                self.model,
                made.features,
                values,
                rows[inside],
                rows[~inside],
                self.recipe,
                seed=self.seed,
                folder=folder,
                scaler=self.scaler,
                strategy=strategy,
            )
        if strategy.replicas > 1:
            weights = self.model.get_weights()
            self.model = self.build()  # one that belongs to no set of devices
            self.model.set_weights(weights)
        return self

    def predict(self, table: MaterialsDataset, *, jobs: int = 1, strict: bool = False, bar: bool = True) -> Predictions:
        """Predictions for every material whose features can be made; `left_out` tells of the others.

        `strict=True` stops at the first material that cannot be predicted.
        """
        self._check_trained()
        made = self.features(table, jobs)
        self.left_out = made.errors
        if strict and self.left_out:
            name, reason = next(iter(self.left_out.items()))
            raise UserError(f"{name}: {reason}")
        return self.predict_features(table, made, bar=bar)

    def predict_features(self, table: MaterialsDataset, made: Featurized, *, bar: bool = True) -> Predictions:
        """Predictions for the valid rows of `table` from `made`, its features."""
        known = table.target(self.target).values[made.rows] if self.target in table.targets else None
        shape = (len(made.rows),) if self.axis is None else (len(made.rows), len(self.axis))
        if not len(made.rows):
            return Predictions(table.ids[made.rows], np.zeros(shape), known, unit=self.unit)
        outputs = predict(self.model, made.features, np.arange(len(made.rows)), self.predict_batch, bar=bar)
        std = None
        if losses.with_uncertainty(self.recipe.loss):
            logs = np.clip(outputs[:, outputs.shape[1] // 2 :], -losses.LOG_LIMIT, losses.LOG_LIMIT)
            std = self.scaler.factor * np.exp(logs).reshape(shape)
        values = self.scaler.inverse_transform(means(outputs, shape)) + self.offsets(made.features)
        return Predictions(table.ids[made.rows], values, known, std, self.unit)

    @property
    def selection(self) -> str:
        """The set of the split whose errors are followed, and by which the epoch is chosen where one is chosen."""
        return self.recipe.follow

    def parts(self, split: Split) -> Split:
        """The split as this model uses it."""
        return split

    @property
    def input_targets(self) -> tuple[str, ...]:
        """Targets of the dataset that this model uses as inputs."""
        return ()

    def offsets(self, features) -> np.ndarray | float:
        """A known contribution to the target of every row, to which the network learns the difference."""
        return 0.0

    def learn_from(self, training: MaterialsDataset) -> None:
        """Learn from the training set what features depend on, before they are made."""

    def fit_inputs(self, features, rows: np.ndarray) -> None:
        """Learn from the training rows how inputs are scaled, where a model scales them."""

    def input_state(self) -> dict:
        """What `fit_inputs` learned, as plain values that are stored with the model."""
        return {}

    def set_input_state(self, state: dict) -> None:
        """Take back what `input_state` gave."""

    def probes(self, table: MaterialsDataset, jobs: int = 1) -> dict[str, Predictions]:
        """Name -> predictions for changed inputs, where a table of the paper asks for them; none for most papers."""
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
        return {
            "model": self.name,
            "variant": self.variant,
            "config": as_settings(self.config),
            "recipe": self.recipe.numerical_fields(),
            "seed": self.seed,
        }

    def save(self, folder: str | Path) -> Path:
        """Write `model.json` and `model.weights.h5`; a functional model and its weights reload exactly."""
        self._check_trained()
        folder = Path(folder)
        _refuse_other_training(folder, self.settings())
        weights = folder / "model.weights.h5"
        bare = self.build()  # without the optimizer's state, which would be three quarters of the file
        bare.set_weights(self.model.get_weights())
        with replacing(weights) as temporary:
            # HDF5, met by a full disk, can take the process with it: see first whether there is room.
            temporary.write_bytes(bytes(4 * bare.count_params() + 2**20))
            bare.save_weights(temporary)
        card = {"format": FORMAT, **self.settings(), "target": self.target, "unit": self.unit}
        if self.elements:
            card["elements"] = list(self.elements)
        if self.recipe.standardize:
            card["scale"] = asdict(self.scaler)
        if self.input_state():
            card["inputs"] = self.input_state()
        if self.axis is not None:
            card |= {"axis": np.asarray(self.axis).tolist(), "axis_unit": self.axis_unit}
        card["weights"] = file_digest(weights)
        if self.split:
            self.split.save(folder / "split.json")
        write_text(folder / "model.json", json.dumps(card, indent=1))
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Regressor:
        folder = Path(folder)
        card = read_card(folder)
        if card.get("model") != cls.name:
            raise UserError(f"{folder} holds a {card.get('model')} model, not {cls.name}")
        try:
            regressor = cls(card["variant"], seed=card["seed"])
            # Not through the variant, whose own changes would come on top.
            regressor.config = from_settings(type(regressor.config), card["config"])
            regressor.recipe = from_settings(Recipe, {**card["recipe"], **cls.recipe.runtime_fields()})
            regressor.target, regressor.unit = card["target"], card["unit"]
            regressor.elements = tuple(card.get("elements", ()))
            regressor.scaler = TargetScaler(**card.get("scale", {}))
            regressor.set_input_state(card.get("inputs", {}))
            regressor.axis = np.array(card["axis"]) if "axis" in card else None
            regressor.axis_unit = card.get("axis_unit", "")
            wanted = card["weights"]
        except (KeyError, TypeError) as error:
            raise UserError(f"{folder / 'model.json'} is damaged ({error}); train the model again") from None
        weights = folder / "model.weights.h5"
        try:
            if file_digest(weights) != wanted:
                raise UserError(f"{weights} is damaged or not that of its model.json; copy or train the model again")
            devices.setup(card["seed"], precision=regressor.recipe.precision)
            regressor.model = regressor.build()
            regressor.model.load_weights(weights)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{weights} cannot be read ({reason_of(error)}); copy or train the model again") from None
        return regressor


def elements_in(formulas: Iterable[str]) -> tuple[str, ...]:
    """The elements of all these formulas, sorted."""
    return tuple(sorted({symbol for text in set(formulas) for symbol in symbols_in(text)}))


def _refuse_other_training(folder: Path, settings: dict) -> None:
    """A folder of the `train` command holds the split and errors of its own model; another one must not go there."""
    try:
        found = json.loads((folder / "training.json").read_text())
    except (OSError, ValueError):
        return
    settings = json.loads(json.dumps(settings))
    if any(found.get(name) != value for name, value in settings.items()):
        raise UserError(f"{folder} holds the model of another training; choose another folder")


def member_folder(folder: str | Path, number: int) -> Path:
    """Where a member of an ensemble lies in the ensemble's folder."""
    return Path(folder) / f"member-{number}"


def read_card(folder: str | Path) -> dict:
    """The `model.json` of a saved model, checked."""
    path = Path(folder) / "model.json"
    if not path.exists() and member_folder(folder, 0).is_dir():
        path = member_folder(folder, 0) / "model.json"  # the members of an ensemble differ in their seed alone
    try:
        card = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{folder} holds no saved model (model.json is missing)") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    found = card.get("format") if isinstance(card, dict) else None
    if found != FORMAT:
        raise UserError(f"{folder} has format {found}, this version reads {FORMAT}; train the model again")
    return card
