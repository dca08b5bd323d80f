"""Settings of a network in a file: what `matrepro tune` finds and `train --recipe` takes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.io.files import refuse_special, write_text
from common.io.text import choices


@dataclass(frozen=True)
class RecipeFile:
    """settings: fields of the recipe and of the configuration that differ from the paper's.

    found: where they come from, for information only.
    """

    network: str
    variant: str
    settings: dict
    found: dict = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        whole = {"network": self.network, "variant": self.variant, "settings": self.settings, "found": self.found}
        write_text(path, json.dumps(whole, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> RecipeFile:
        refuse_special(path)
        try:
            whole = json.loads(Path(path).read_text())
            network, variant, settings = whole["network"], whole["variant"], whole["settings"]
            if not (isinstance(network, str) and isinstance(variant, str) and isinstance(settings, dict)):
                raise TypeError("network and variant are words, settings is an object")
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path} is no file of settings (JSON with network, variant, settings): {error}") from None
        return cls(network, variant, settings, whole.get("found", {}))


#: What to write for a setting of this type.
KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def settings_of(model: Any) -> dict[str, object]:
    """Every field of the recipe and the configuration of a regressor, and its value."""
    return {**asdict(model.config), **asdict(model.recipe)}


def checked(settings: dict, network: type, variant: str, origin: str) -> dict:
    """The settings, if the network has them all and they are of the right type and value."""
    known = settings_of(network(variant))
    for name, value in settings.items():
        if name not in known:
            raise UserError(f"{origin}: there is no setting {name!r}{choices(name, known)}")
        kind = type(known[name])
        if not (type(value) is kind or (kind is float and type(value) is int)):
            raise UserError(f"{origin}: {name} is {value!r}; write {KINDS.get(kind, 'a value like the default')}")
    try:
        network(variant, **settings)
    except UserError as error:
        raise UserError(f"{origin}: {error}") from None
    return settings
