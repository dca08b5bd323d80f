"""Preset folders, which are laid out as a model on Hugging Face.

config.json          all that the model consists of but its weights, as in model.json; `seeds`: those of an ensemble
metadata.json        what is known about it: data, split, errors, licence, and the hashes of all files
model.weights.npz    quantized weights of all members, see quantize.py
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


def write_preset(model: Any, folder: str | Path, metadata: dict[str, Any], *, bits: int = 8) -> Path:
    """Write a trained `Regressor` or `Ensemble` as the preset `folder.name`.

    metadata: what the model card says, see `card.model_card`; the files' hashes and the model's facts are added.
    bits: of the weights in large arrays.
    """
    folder, members = Path(folder), getattr(model, "members", [model])
    if getattr(members[0], "own_vectors", None) or getattr(members[0].config, "corpus", ""):
        raise UserError("a model that learned its own element vectors cannot be a preset yet")
    config = saved_model.describe(members[0]) | {"weights": WEIGHTS, "seeds": [member.seed for member in members]}
    config.pop("conformal", None)
    if model.conformal:
        config["conformal"] = model.conformal.as_plain()
    text = json.dumps(config, indent=1)
    content = pack([array for member in members for array in member.model.get_weights()], bits)
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
        "bits": bits,
        "elements": list(members[0].elements),
        "sha256": {CONFIG: bytes_digest(text.encode()), WEIGHTS: bytes_digest(content)},
    }
    with replacing(folder / WEIGHTS) as temporary:
        temporary.write_bytes(content)
    write_text(folder / CONFIG, text)
    card = model_card(facts, config)
    facts["sha256"][README] = bytes_digest(card.encode())
    write_text(folder / README, card)
    facts["sha256"][METADATA] = _digest(facts)
    write_text(folder / METADATA, json.dumps(facts, indent=1))  # last: its presence says that the folder is complete
    return folder


def is_preset(folder: str | Path) -> bool:
    return (Path(folder) / METADATA).is_file()


def read_metadata(folder: str | Path) -> dict[str, Any]:
    facts = _read_json(Path(folder) / METADATA)
    if facts.get("format") != FORMAT:
        raise UserError(f"{folder} is a preset of format {facts.get('format')}, this version reads {FORMAT}; {AGAIN}")
    hashes = facts.get("sha256")
    if isinstance(hashes, dict) and METADATA in hashes and hashes[METADATA] != _digest(facts):  # the first have none
        raise UserError(f"{Path(folder) / METADATA} is altered (its hash differs); {AGAIN}")
    return facts


def _digest(facts: dict[str, Any]) -> str:
    """The hash of the metadata, without the entry that holds it."""
    hashes = {name: value for name, value in facts["sha256"].items() if name != METADATA}
    return bytes_digest(json.dumps({**facts, "sha256": hashes}, sort_keys=True).encode())


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
    return load_weights(open_preset(folder, regressor), folder)


def open_preset(folder: str | Path, regressor: Callable[[str], type]) -> Any:
    """As `read_preset`, without networks: the model computes features, but predicts only after `load_weights`."""
    config = read_config(folder)
    kind, path, seeds = regressor(config["model"]), Path(folder) / CONFIG, config.get("seeds")
    if not isinstance(seeds, list) or not seeds or not all(isinstance(seed, int) for seed in seeds):
        raise UserError(f"{path} is damaged: seeds is {seeds!r}, not a list of whole numbers; {AGAIN}")
    members = [saved_model.restore(kind, config | {"seed": seed}, path) for seed in seeds]
    if len(members) == 1:
        return members[0]
    conformal = Conformal.from_plain(config["conformal"]) if "conformal" in config else None
    return Ensemble.of(members, conformal)


def load_weights(model: Any, folder: str | Path, networks: dict[str, Any] | None = None) -> Any:
    """Build the networks of the model that `open_preset` returned, and set their weights.

    networks: of models that are no longer needed; one of the same architecture gets the weights of this model, which
    saves building and tracing it.
    """
    path, members = Path(folder) / WEIGHTS, getattr(model, "members", [model])
    _check_hash(path, read_metadata(folder))
    arrays = unpack(path.read_bytes())
    step = len(arrays) // len(members)
    for number, member in enumerate(members):
        devices.setup(member.seed, precision=member.recipe.precision)
        key = f"{member.name} {member.config} {member.recipe.loss} {number}"
        member.model = None if networks is None else networks.get(key)
        member.model = member.model or member.build()
        if networks is not None:
            networks[key] = member.model
        try:
            member.model.set_weights(arrays[number * step : (number + 1) * step])
        except ValueError as error:
            raise UserError(f"{path} does not fit its config.json ({reason_of(error)}); {AGAIN}") from None
    return model


def verify(folder: str | Path) -> dict[str, Any]:
    """Check all files of a preset; the error names the first that is missing, altered or of another version."""
    folder = Path(folder)
    facts, config = read_metadata(folder), read_config(folder)
    _check_hash(folder / WEIGHTS, facts)
    unpack((folder / WEIGHTS).read_bytes())
    if not _has_its_card(folder, facts, config):
        raise UserError(f"{folder / README} is not the model card of this preset; {AGAIN}")
    return facts


def _has_its_card(folder: Path, facts: dict[str, Any], config: dict[str, Any]) -> bool:
    if not (folder / README).is_file():
        return False
    found = file_digest(folder / README)
    # The first presets have no hash of their card.
    return found == (facts["sha256"].get(README) or bytes_digest(describe(folder, facts, config).encode()))


def describe(folder: Path, facts: dict[str, Any], config: dict[str, Any]) -> str:
    """The model card of a preset's metadata, which have no hash of their own."""
    try:
        return model_card(facts, config)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{folder / METADATA} is damaged ({type(error).__name__}: {error}); {AGAIN}") from None


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
