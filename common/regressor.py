"""The scikit-learn habit for all papers: `fit`, `predict`, `save`, `load`.

A paper adds its features, its network and its recipe; nothing else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from common import devices
from common.errors import UserError
from common.hdf5 import write_text
from common.materials import MaterialsTable
from common.predictions import Predictions
from common.splits import Split
from common.training import Recipe, State, predict, train

#: Raised whenever a saved model of an earlier version would not give the same output.
FORMAT = 1


class Regressor:
    """Predicts one target of a `MaterialsTable`.

    A subclass sets `name`, `recipe` and `variants` (preset name -> configuration dataclass) and defines
    `features(table, jobs)` -> (object with `batch(rows)`, good row numbers, id -> reason) and `build()` -> Keras model.
    """

    name: str
    recipe: Recipe
    variants: dict

    def __init__(self, variant: str = "corrected", *, seed: int = 0, deterministic: bool = False, **recipe):
        if variant not in self.variants:
            raise UserError(f"variant {variant!r} is unknown; choose one of {', '.join(self.variants)}")
        self.variant, self.seed, self.deterministic = variant, seed, deterministic
        self.config = self.variants[variant]
        self.recipe = replace(type(self).recipe, **recipe)
        self.target, self.unit = "", ""
        self.model, self.state = None, None

    def features(self, table: MaterialsTable, jobs: int = 1):
        """Features of the good rows, the numbers of those rows, and id -> reason for the bad ones."""
        raise UserError(f"{type(self).__name__} defines no features")

    def build(self):
        raise UserError(f"{type(self).__name__} defines no network")

    def fit(
        self, table: MaterialsTable, target: str, split: Split, *, folder: Path | None = None, jobs: int = 1
    ) -> Regressor:
        """Train on `split.train`, keep the weights that are best on `split.validation`.

        With a `folder` the run is checkpointed there and goes on where it stopped.
        """
        split.check()
        table = table.select((*split.train, *split.validation)).known(target)
        self.target, self.unit = target, table.target(target).unit
        features, good, self.left_out = self.features(table, jobs)
        ids = table.ids[good]
        inside = np.isin(ids, split.train)
        values = table.target(target).values[good].astype(np.float32)
        devices.setup(self.seed, deterministic=self.deterministic)
        self.model = self.build()
        rows = np.arange(len(good))
        self.state: State = train(
            self.model, features, values, rows[inside], rows[~inside], self.recipe, seed=self.seed, folder=folder
        )
        return self

    def predict(self, table: MaterialsTable, *, jobs: int = 1, strict: bool = False, bar: bool = True) -> Predictions:
        """Predictions for every material whose features can be made; `left_out` tells of the others.

        `strict=True` stops at the first material that cannot be predicted.
        """
        if self.model is None:
            raise UserError("this model is not trained yet: call fit or load")
        features, good, self.left_out = self.features(table, jobs)
        if strict and self.left_out:
            name, reason = next(iter(self.left_out.items()))
            raise UserError(f"{name}: {reason}")
        values = predict(self.model, features, np.arange(len(good)), bar=bar)[:, 0] if len(good) else np.zeros(0)
        known = table.target(self.target).values[good] if self.target in table.targets else None
        return Predictions(table.ids[good], values, known, unit=self.unit)

    def settings(self) -> dict:
        """Everything the result depends on, as plain values."""
        return {
            "model": self.name,
            "variant": self.variant,
            "config": asdict(self.config),
            "recipe": self.recipe.numbers(),
            "seed": self.seed,
        }

    def save(self, folder: str | Path) -> Path:
        """Write `model.json` and `model.weights.h5`; a functional model and its weights reload exactly."""
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder / "new.weights.h5"
            self.model.save_weights(temporary)
            temporary.replace(folder / "model.weights.h5")
        except OSError as error:
            raise UserError(f"cannot write the model to {folder}: {error.strerror or error}") from None
        card = {"format": FORMAT, **self.settings(), "target": self.target, "unit": self.unit}
        write_text(folder / "model.json", json.dumps(card, indent=1))
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Regressor:
        folder = Path(folder)
        card = read_card(folder)
        if card["model"] != cls.name:
            raise UserError(f"{folder} holds a {card['model']} model, not {cls.name}")
        regressor = cls(card["variant"], seed=card["seed"])
        regressor.config = type(regressor.config)(**card["config"])
        regressor.target, regressor.unit = card["target"], card["unit"]
        devices.setup(card["seed"])
        regressor.model = regressor.build()
        try:
            regressor.model.load_weights(folder / "model.weights.h5")
        except (OSError, ValueError) as error:
            raise UserError(f"{folder / 'model.weights.h5'} cannot be read: {str(error).splitlines()[0]}") from None
        return regressor


def read_card(folder: str | Path) -> dict:
    """The `model.json` of a saved model, checked."""
    path = Path(folder) / "model.json"
    try:
        card = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{folder} holds no saved model (model.json is missing)") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if card.get("format") != FORMAT:
        raise UserError(f"{folder} has format {card.get('format')}, this version reads {FORMAT}; train the model again")
    return card
