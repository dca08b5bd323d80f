"""Load a model by the name of a preset or from a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from common.errors import UserError
from common.presets.find import locate
from common.presets.store import is_preset, load_weights, open_preset, read_config, read_preset
from common.train import ensemble, saved_model

#: Modules with the `PackageSpec` of each package, as SPEC.
SPECS = ("finder.cli", "profitnet.cli", "diffcomp.cli", "esnet.spec")


def load_model(name: str | Path, regressor: Callable[[str], type] | None = None) -> Any:
    """The model or ensemble of a preset or a folder; `regressor` gives the class for a network's name."""
    folder, regressor = locate(name), regressor or any_regressor
    return read_preset(folder, regressor) if is_preset(folder) else ensemble.load_model(folder, regressor)


def open_model(name: str | Path) -> Any:
    """As `load_model`; of a preset without its networks, which `load_networks` adds."""
    folder = locate(name)
    return open_preset(folder, any_regressor) if is_preset(folder) else ensemble.load_model(folder, any_regressor)


def load_networks(model: Any, name: str | Path, networks: dict[str, Any]) -> Any:
    """Complete the model of `open_model`; see `common.presets.store.load_weights` for `networks`."""
    return load_weights(model, locate(name), networks)


def read_card(name: str | Path) -> dict[str, Any]:
    """The settings of a preset or of the model in a folder, with their values checked."""
    folder = locate(name)
    return read_config(folder) if is_preset(folder) else saved_model.read_card(folder)


def any_regressor(network: str) -> type:
    """The class of a network of any package."""
    return spec_of(network).regressor(network)


def spec_of(network: str) -> Any:
    """The `PackageSpec` of the package that a network belongs to."""
    for module in SPECS:
        spec = resolve_name(f"{module}:SPEC")
        if network in spec.networks:
            return spec
    raise UserError(f"{network!r} is not a network of this version of matrepro; install the version that trained it")
