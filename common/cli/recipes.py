"""The network and the settings that the options of `train` choose."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from common.cli.package_spec import PackageSpec
from common.errors import UserError
from common.io.text import choices
from common.train.recipes.recipe_file import RecipeFile, checked

#: What `--recipe` names beside files: the paper's settings, which every network has, and shorter ones that some have.
PAPER, FAST = "paper", "fast"


def settings_from(arguments: Namespace, spec: PackageSpec) -> tuple[type, dict[str, Any]]:
    """The network class, and what differs from its paper's settings; options take precedence over `--recipe`."""
    if arguments.recipe and arguments.recipe not in (PAPER, FAST):
        network, changes = _from_file(arguments, spec)
    else:
        network = _chosen(arguments, spec)
        changes = _named(arguments.recipe, network, arguments.variant)
    names = ("epochs", "batch", "learning_rate", "precision", *spec.settings)
    options = {name: getattr(arguments, name) for name in names}
    return network, changes | {name: value for name, value in options.items() if value is not None}


def _chosen(arguments: Namespace, spec: PackageSpec) -> type:
    arguments.network = arguments.network or spec.default
    arguments.variant = arguments.variant or "corrected"
    return spec.regressor(arguments.network)


def _named(name: str | None, network: Any, variant: str) -> dict[str, Any]:
    """The changes of a named recipe, by default of the fast one where the network has it."""
    recipes = getattr(network, "recipes", {})
    name = name or _default(recipes, variant)
    if name != PAPER and name not in recipes:
        raise UserError(f"{network.name} has no recipe {name!r}; choose --recipe {PAPER}, or name a file")
    return dict(recipes.get(name, {}))


def _default(recipes: dict[str, dict], variant: str) -> str:
    """The variants of article and released program are trained as there."""
    return FAST if FAST in recipes and variant == "corrected" else PAPER


def recipe_line(name: str | None, network: Any, variant: str) -> str:
    """Which named recipe is used, where the network has a choice of them; empty otherwise."""
    recipes = getattr(network, "recipes", {})
    name = name or _default(recipes, variant)
    if FAST not in recipes or name not in recipes:
        return ""
    other = f"--recipe {PAPER} trains as in the paper" if name == FAST else f"--recipe {FAST} takes less time"
    return f"recipe: {name}; {other}"


def _from_file(arguments: Namespace, spec: PackageSpec) -> tuple[type, dict[str, Any]]:
    path = arguments.recipe
    if not Path(path).exists() and not Path(path).suffix:
        raise UserError(f"there is no recipe or file {path!r}{choices(path, (PAPER, FAST))}")
    recipe = RecipeFile.load(path)
    for name in ("network", "variant"):
        there, asked = getattr(recipe, name), getattr(arguments, name)
        if asked and asked != there:
            raise UserError(f"{path} is for {name} {there}, not {asked}; leave out --{name}")
        setattr(arguments, name, there)
    network = _chosen(arguments, spec)
    return network, checked(recipe.settings, network, arguments.variant, path)
