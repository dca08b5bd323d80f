"""The options `--from` and `--head-only` of `train`: models that start from the weights of a trained one."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.cli.checks import refuse
from common.cli.package_spec import PackageSpec
from common.errors import UserError
from common.presets.find import locate
from common.presets.load import read_card
from common.train.finetune import slower


def choose_network(arguments: Namespace, spec: PackageSpec) -> str:
    """Set network and variant to those of the model of --from, and refuse others.

    Returns the target of that model, which is learned further where DATA has it.
    """
    if not arguments.start:
        refuse(arguments, ("head_only",), "needs --from, the model whose other layers remain as they are")
        return ""
    card = read_card(arguments.start)
    spec.regressor(card["model"])
    if Path(arguments.model).resolve() == locate(arguments.start).resolve():
        raise UserError(f"--from and --model name the same folder, {arguments.model}; choose another one for --model")
    for name, there in (("network", card["model"]), ("variant", card["variant"])):
        asked = getattr(arguments, name)
        if asked and asked != there:
            raise UserError(f"{arguments.start} has the {name} {there}, not {asked}; leave out --{name}")
        setattr(arguments, name, there)
    return str(card.get("target", ""))


def maker(arguments: Namespace, spec: PackageSpec, network: type, changes: dict[str, Any]) -> Callable[[int], Any]:
    """A function that makes the untrained model with this number; wrong settings are refused at once.

    Models have consecutive seeds; those of --from start from the members of that model in turn.
    """
    if not arguments.start:

        def new(number: int) -> Any:
            return network(arguments.variant, seed=arguments.seed + number, **changes)

        new(0)
        return new
    if arguments.learning_rate is None and "learning_rate" in changes:
        changes = changes | {"learning_rate": slower(changes["learning_rate"], head_only=arguments.head_only)}
    loaded = spec.load(arguments.start)
    starts = getattr(loaded, "members", [loaded])
    name = locate(arguments.start).resolve().name

    def started(number: int) -> Any:
        start, options = starts[number % len(starts)], {"name": name, "head_only": arguments.head_only}
        return start.fine_tuning(seed=arguments.seed + number, **options, **changes)

    started(0)
    return started


def heading(model: Any) -> str:
    """What a training starts from; empty where it starts from scratch."""
    if not model.start:
        return ""
    layers = "the output layer" if model.start.head_only else "all layers"
    name, target = model.start.name, model.start.target
    return f"fine-tuning {layers} of {name} ({target}), learning rate {model.recipe.learning_rate:g}"
