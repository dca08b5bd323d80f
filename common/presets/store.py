"""Preset folders, which are laid out as a model on Hugging Face.

config.json          all that the model consists of but its weights, as in model.json; `seeds`: those of an ensemble
metadata.json        what is known about it: data, split, errors, licence, and the hashes of the two other files
model.weights.npz    int8 weights of all members, see quantize.py
README.md            the model card, generated from metadata.json
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import __version__
from common.data.conformal import Conformal
from common.errors import UserError
from common.io.files import bytes_digest, file_digest, reason_of, replacing, write_text
from common.presets.card import model_card
from common.presets.quantize import pack, unpack
from common.train import devices, saved_model
from common.train.ensemble import Ensemble

#: Raised whenever presets of an earlier version could not be read.
FORMAT = 1
CONFIG, METADATA, WEIGHTS, README = "config.json", "metadata.json", "model.weights.npz", "README.md"
FILES = (CONFIG, METADATA, WEIGHTS, README)
AGAIN = "copy or install the preset again"


def write_preset(model: Any, folder: str | Path, metadata: dict[str, Any]) -> Path:
    """Write a trained `Regressor` or `Ensemble` as the preset `folder.name`.

    metadata: what the model card says, see `card.model_card`; the files' hashes and the model's facts are added.
    """
    folder, members = Path(folder), getattr(model, "members", [model])
    if getattr(members[0], "own_vectors", None) or getattr(members[0].config, "corpus", ""):
        raise UserError("a model that learned its own element vectors cannot be a preset yet")
    config = saved_model.describe(members[0]) | {"weights": WEIGHTS, "seeds": [member.seed for member in members]}
    config.pop("conformal", None)
    if model.conformal:
        config["conformal"] = model.conformal.as_plain()
    text = json.dumps(config, indent=1)
    content = pack([array for member in members for array in member.model.get_weights()])
    facts = {
        "format": FORMAT,
        "name": folder.name,
        "version": __version__,
        **metadata,
        "model": config["model"],
        "target": model.target,
        "unit": model.unit,
        "members": len(members),
        "parameters": int(members[0].model.count_params()),
        "elements": list(members[0].elements),
        "sha256": {CONFIG: bytes_digest(text.encode()), WEIGHTS: bytes_digest(content)},
    }
    with replacing(folder / WEIGHTS) as temporary:
        temporary.write_bytes(content)
    write_text(folder / CONFIG, text)
    write_text(folder / README, model_card(facts, config))
    write_text(folder / METADATA, json.dumps(facts, indent=1))  # last: its presence says that the folder is complete
    return folder


def is_preset(folder: str | Path) -> bool:
    return (Path(folder) / METADATA).is_file()


def read_metadata(folder: str | Path) -> dict[str, Any]:
    facts = _read_json(Path(folder) / METADATA)
    if facts.get("format") != FORMAT:
        raise UserError(f"{folder} is a preset of format {facts.get('format')}, this version reads {FORMAT}; {AGAIN}")
    return facts


def read_config(folder: str | Path) -> dict[str, Any]:
    """The configuration of a preset, with its hash and values checked."""
    path = Path(folder) / CONFIG
    _check_hash(path, read_metadata(folder))
    config = _read_json(path)
    if config.get("format") != saved_model.FORMAT:
        raise UserError(
            f"{path} has format {config.get('format')}, this version reads {saved_model.FORMAT}; install matrepro and "
            "the preset in the same version"
        )
    saved_model.check_values(config, path)
    return config


def read_preset(folder: str | Path, regressor: Callable[[str], type]) -> Any:
    """The model of a preset: a `Regressor`, or an `Ensemble` of several.

    regressor: gives the class for the name in config.json.
    """
    folder, config = Path(folder), read_config(folder)
    _check_hash(folder / WEIGHTS, read_metadata(folder))
    arrays = unpack((folder / WEIGHTS).read_bytes())
    kind, seeds = regressor(config["model"]), config["seeds"]
    step = len(arrays) // len(seeds)
    members = []
    for number, seed in enumerate(seeds):
        member = saved_model.restore(kind, config | {"seed": seed}, folder / CONFIG)
        devices.setup(seed, precision=member.recipe.precision)
        member.model = member.build()
        try:
            member.model.set_weights(arrays[number * step : (number + 1) * step])
        except ValueError as error:
            raise UserError(f"{folder / WEIGHTS} does not fit its config.json ({reason_of(error)}); {AGAIN}") from None
        members.append(member)
    if len(members) == 1:
        return members[0]
    conformal = Conformal.from_plain(config["conformal"]) if "conformal" in config else None
    return Ensemble.of(members, conformal)


def verify(folder: str | Path) -> dict[str, Any]:
    """Check all files of a preset; the error names the first that is missing, altered or of another version."""
    folder = Path(folder)
    facts, config = read_metadata(folder), read_config(folder)
    _check_hash(folder / WEIGHTS, facts)
    unpack((folder / WEIGHTS).read_bytes())
    if not (folder / README).is_file() or (folder / README).read_text() != model_card(facts, config):
        raise UserError(f"{folder / README} is not the model card of this preset; {AGAIN}")
    return facts


def size_of(folder: str | Path) -> int:
    return sum((Path(folder) / name).stat().st_size for name in FILES)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path.parent} is no preset ({path.name} is missing)") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}); {AGAIN}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} is not a JSON object; {AGAIN}")
    return found


def _check_hash(path: Path, facts: dict[str, Any]) -> None:
    try:
        expected = facts["sha256"][path.name]
        found = file_digest(path)
    except (KeyError, TypeError, OSError) as error:
        raise UserError(f"{path} cannot be checked ({reason_of(error)}); {AGAIN}") from None
    if found != expected:
        raise UserError(f"{path} is truncated or altered (its hash differs); {AGAIN}")
