"""Find models by name: a folder, a preset of an installed package, or one that `matrepro models import` installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from common.errors import UserError
from common.io.text import choices
from common.presets.store import is_preset

#: Packages with a folder `presets`.
PACKAGES = ("finder", "profitnet", "diffcomp", "esnet")


def user_folder() -> Path:
    """Where imported presets are stored: `MATREPRO_MODELS`, or a folder of the user."""
    default = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "matrepro" / "models"
    return Path(os.environ.get("MATREPRO_MODELS") or default)


def presets() -> dict[str, Path]:
    """Name -> folder of all installed presets; an imported one replaces that of a package."""
    return {folder.name: folder for place in (*_package_folders(), user_folder()) for folder in _inside(place)}


def locate(name: str | Path) -> Path:
    """The folder of a model that is named by its folder or as a preset."""
    path = Path(name)
    if path.exists():
        return path
    known = presets()
    if str(name) in known:
        return known[str(name)]
    if os.sep in str(name):
        raise UserError(f"{name} holds no saved model (there is no such folder)")
    more = choices(str(name), known).removeprefix("; there are: ") if known else "none is installed"
    raise UserError(f"{name} holds no saved model and is not the name of a preset; presets: {more}")


def installed_preset(name: str | Path) -> Path:
    """The folder of a preset, by its name or path; other models are refused."""
    folder = locate(name)
    if not is_preset(folder):
        raise UserError(f"{folder} is no preset (metadata.json is missing)")
    return folder


def _package_folders() -> Iterator[Path]:
    for name in PACKAGES:
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(folder) / "presets"


def _inside(place: Path) -> list[Path]:
    return sorted(folder for folder in place.iterdir() if is_preset(folder)) if place.is_dir() else []
