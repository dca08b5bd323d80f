"""Saved models: `model.json` with all settings, `model.weights.h5`, `split.json`; checked when they are read."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from common.data.conformal import Conformal
from common.data.domain import Domain
from common.errors import UserError
from common.io.files import file_digest, reason_of, refuse_special, replacing, write_text
from common.train import devices
from common.train.finetune import Start
from common.train.recipes.recipe import Recipe
from common.train.recipes.variants import from_settings
from common.train.scaler import TargetScaler

#: Raised whenever a saved model of an earlier version would not give the same output.
FORMAT = 1
#: Numbers in `model.json` are smaller than this, but for a seed; larger ones are damage.
LARGEST = 1e9
#: Sizes of a network, such as its layers, are at most this.
LARGEST_SIZE = 1_000_000
#: Type of each entry of `model.json` that must be there.
ENTRIES: dict[str, type | tuple[type, ...]] = {
    "model": str,
    "variant": str,
    "config": dict,
    "recipe": dict,
    "seed": int,
    "target": str,
    "unit": str,
    "weights": str,
}
WEIGHTS, CARD = "model.weights.h5", "model.json"


def save(model: Any, folder: Path) -> Path:
    """Write a trained `Regressor` to a folder."""
    _refuse_other_training(folder, model.settings())
    with replacing(folder / WEIGHTS) as temporary, _without_optimizer(model.model) as network:
        # On a full disk HDF5 can end the process: see first whether there is room.
        temporary.write_bytes(bytes(4 * network.count_params() + 2**20))
        network.save_weights(temporary)
    if model.split:
        model.split.save(folder / "split.json")
    return save_card(model, folder)


def save_card(model: Any, folder: Path) -> Path:
    """Write `model.json` alone, where the weights are those of `folder`."""
    card = describe(model) | {"weights": file_digest(folder / WEIGHTS)}
    write_text(folder / CARD, json.dumps(card | {"digest": _digest(card)}, indent=1))
    return folder


@contextmanager
def _without_optimizer(network: Any) -> Iterator[Any]:
    """The network without its optimizer, whose state would be three quarters of the file."""
    optimizer, network.optimizer = getattr(network, "optimizer", None), None
    try:
        yield network
    finally:
        network.optimizer = optimizer


def describe(model: Any) -> dict[str, Any]:
    """All that a trained `Regressor` consists of but its weights, as plain values."""
    card = {"format": FORMAT, **model.settings(), "target": model.target, "unit": model.unit}
    if model.elements:
        card["elements"] = list(model.elements)
    if model.recipe.standardize:
        card["scale"] = asdict(model.scaler)
    if model.input_state():
        card["inputs"] = model.input_state()
    if model.axis is not None:
        card |= {"axis": np.asarray(model.axis).tolist(), "axis_unit": model.axis_unit}
    if model.domain:
        card["domain"] = model.domain.as_plain()
    if model.conformal:
        card["conformal"] = model.conformal.as_plain()
    return card


def load(kind: type, folder: Path) -> Any:
    """The `Regressor` of this class that was saved in a folder."""
    card = read_card(folder)
    model = restore(kind, card, folder / CARD)
    _load_weights(model, folder / WEIGHTS, card)
    return model


def restore(kind: type, card: dict[str, Any], path: Path) -> Any:
    """The `Regressor` of this class that `card`, read from `path`, describes; without its network."""
    if card["model"] != kind.name:  # type: ignore[attr-defined]
        raise UserError(f"{path.parent} holds a {card['model']} model, not {kind.name}")  # type: ignore[attr-defined]
    try:
        model = kind(card["variant"], seed=card["seed"])
        # Not through the variant, whose own changes would come on top.
        model.config = _same_kinds(model.config, from_settings(type(model.config), card["config"]))
        model.recipe = from_settings(Recipe, {**card["recipe"], **kind.recipe.runtime_fields()})  # type: ignore[attr-defined]
        model.target, model.unit = card["target"], card["unit"]
        model.elements = tuple(card.get("elements", ()))
        model.conformal = Conformal.from_plain(card["conformal"]) if "conformal" in card else None
        model.start = Start.from_plain(card["started_from"]) if "started_from" in card else None
        model.domain = Domain.from_plain(card["domain"]) if "domain" in card else None
        model.scaler = TargetScaler(**card.get("scale", {}))
        model.set_input_state(card.get("inputs", {}))
        model.axis = np.array(card["axis"], dtype=float) if "axis" in card else None
        model.axis_unit = card.get("axis_unit", "")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}); train the model again") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return model


def _same_kinds(default: Any, config: Any) -> Any:
    """The configuration, if its values are like the default's and its numbers of a size that can be built."""
    for name, value in asdict(config).items():
        usual = getattr(default, name)
        if usual is not None and _group(value) != _group(usual):
            raise UserError(f"config.{name} is {value!r}, not like {usual!r}; train the model again")
        if isinstance(value, int | float) and abs(value) > LARGEST_SIZE:
            raise UserError(f"config.{name} is {value:g}, beyond {LARGEST_SIZE:,}; train the model again")
    return config


def _group(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return "list" if isinstance(value, list | tuple) else type(value).__name__


def _load_weights(model: Any, weights: Path, card: dict) -> None:
    refuse_special(weights)
    try:
        if file_digest(weights) != card["weights"]:
            raise UserError(f"{weights} is damaged or not that of its model.json; copy or train the model again")
        devices.setup(card["seed"], precision=model.recipe.precision)
        model.model = model.build()
        model.model.load_weights(weights)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{weights} cannot be read ({reason_of(error)}); copy or train the model again") from None


def read_card(folder: str | Path) -> dict[str, Any]:
    """The `model.json` of a saved model, with its values checked."""
    path = Path(folder) / CARD
    if not path.exists() and member_folder(folder, 0).is_dir():
        path = member_folder(folder, 0) / CARD  # the members of an ensemble differ in their seed alone
    refuse_special(path)
    try:
        card = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{folder} holds no saved model (model.json is missing)") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    found = card.get("format") if isinstance(card, dict) else None
    if found != FORMAT:
        raise UserError(f"{folder} has format {found}, this version reads {FORMAT}; train the model again")
    check_values(card, path)
    return card


def check_values(card: dict, path: Path) -> None:
    """Types, ranges and the hash, which models of earlier versions lack."""
    again = "copy or train the model again"
    for name, kind in ENTRIES.items():
        if not isinstance(card.get(name), kind) or isinstance(card[name], bool):
            raise UserError(f"{path} is damaged: {name} is {card.get(name)!r}, not {_kind(kind)}; {again}")
    for name, value in _numbers(card):
        if not math.isfinite(value) or (abs(value) >= LARGEST and name != "seed"):
            raise UserError(f"{path} is damaged: {name} is {value:g}; {again}")
    scale = card.get("scale", {"shift": 0.0, "factor": 1.0})
    if not isinstance(scale, dict) or set(scale) != {"shift", "factor"} or len(list(_numbers(scale))) != 2:
        raise UserError(f"{path} is damaged: scale is {scale!r}, not the numbers shift and factor; {again}")
    if scale["factor"] <= 0:
        raise UserError(f"{path} is damaged: scale has the factor {scale['factor']:g}, not above zero; {again}")
    if "digest" in card and card["digest"] != _digest({k: v for k, v in card.items() if k != "digest"}):
        raise UserError(f"{path} was changed after it was written (its hash differs); {again}")


def _numbers(values: Any, name: str = "") -> Any:
    """Name and value of all numbers in nested values."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _numbers(value, f"{name}.{key}" if name else key)
    elif isinstance(values, list):
        for value in values:
            yield from _numbers(value, name)
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield name, values


def _kind(kind: Any) -> str:
    return {str: "a text", int: "a whole number", dict: "an object"}[kind]


def _digest(card: dict) -> str:
    return hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()[:16]


def _refuse_other_training(folder: Path, settings: dict) -> None:
    """A folder of the `train` command holds split and errors of its own model; another one must not be saved there."""
    try:
        found = json.loads((folder / "training.json").read_text())
    except (OSError, ValueError):
        return
    settings = json.loads(json.dumps(settings))
    if any(found.get(name) != value for name, value in settings.items()):
        raise UserError(f"{folder} holds the model of another training; choose another folder")


def member_folder(folder: str | Path, number: int) -> Path:
    """The folder of a member of an ensemble that is saved in `folder`."""
    return Path(folder) / f"member-{number}"
