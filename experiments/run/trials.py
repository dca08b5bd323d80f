"""One search: what all its trials share, made once, and the training of a single one in a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from common.cli.datasets import labeled_data, split_data
from common.cli.package_spec import PackageSpec
from common.data.loading import load_labeled
from common.data.splits import Split
from common.errors import UserError
from common.io.files import cache_root
from common.io.messages import note, report_left_out
from common.train import devices
from common.train.fit_and_score import fit_and_score, restored_epoch
from common.train.recipes.recipe_file import settings_of
from common.tuning import bayesian, space
from experiments.declare.models import NETWORKS

#: The paper's search for ESNet.
DEFAULT_SEARCH = {"esnet": ("batch=16:65", "learning_rate=0.0005:0.002")}


@dataclass(frozen=True)
class Search:
    """facts: what tells it from other searches. fixed: plain values from which `train` makes a trial."""

    axes: list[space.Axis]
    count: int
    propose: Callable
    facts: dict
    fixed: dict
    target: str
    unit: str


def prepare(arguments) -> Search:
    """Read the data, cut the split, and refuse what could not be searched."""
    network = _network(arguments.network)
    model = network(arguments.variant)
    kinds = {name: type(value).__name__ for name, value in settings_of(model).items()}
    # The selection set decides between trials, and runtime fields do not change a result.
    excluded = {"selection", "epochs", *model.recipe.runtime_fields()}
    kinds = {name: kind for name, kind in kinds.items() if kind in space.KINDS and name not in excluded}
    wanted = arguments.search or DEFAULT_SEARCH.get(arguments.network)
    if not wanted:
        raise UserError(f"give --search, such as --search batch=16:128, for any of: {', '.join(sorted(kinds))}")
    axes = [space.parse(text, kinds) for text in wanted]
    if len({axis.name for axis in axes}) < len(axes):
        raise UserError("a setting stands in two of --search; give each once")
    together = _fixed(axes)
    for axis in axes:
        for value in axis.values or [axis.low]:
            # Refuses wrong values before the first trial; some settings are right only beside others.
            network(arguments.variant, **together, **({} if axis.name in together else {axis.name: value}))
    if model.selection != "validation":
        raise UserError(
            f"the variant {arguments.variant} chooses its epoch on the {model.selection} set, which no search may "
            "see; choose another --variant"
        )
    count, propose = _method(arguments, axes)
    table, target, left_out = labeled_data(arguments, paper_of(arguments.network).read)
    split = split_data(arguments, table, left_out)
    if not split.validation:
        raise UserError("the split has no validation set, on which trials are compared; set --split-ratio 6:2:2")
    if arguments.method != "grid" and count < (arguments.trials or space.TRIALS):
        note(f"there are {count} different settings, so there are {count} trials")
    table = table.select((*split.train, *split.validation))
    facts = {
        "network": arguments.network,
        "variant": arguments.variant,
        "search": [axis.plain() for axis in axes],
        "method": arguments.method,
        "epochs": arguments.epochs,
        "metric": arguments.metric,
        "seed": arguments.seed,
        "target": target,
        "train": len(split.train),
        "validation": len(split.validation),
        "data": table.digest(target, densities=model.uses_densities),
    }
    threads = max(1, (os.cpu_count() or 1) // arguments.jobs) if arguments.jobs > 1 else 0
    fixed = {name: facts[name] for name in ("network", "variant", "epochs", "metric", "seed")} | {
        "data": arguments.data,
        "asked": arguments.target,
        "unit": arguments.unit,
        "train": split.train,
        "validation": split.validation,
        "threads": threads,
        "search": hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16],
    }
    return Search(axes, count, propose, facts, fixed, target, table.target(target).unit)


def _fixed(axes: list[space.Axis]) -> dict:
    """The settings that have one value only."""
    return {axis.name: axis.values[0] for axis in axes if len(axis.values) == 1}


def _method(arguments, axes: list[space.Axis]) -> tuple[int, Callable]:
    """How many trials there are, and the settings of one by its number."""
    if arguments.method == "grid":
        if arguments.trials:
            raise UserError("a grid has as many trials as it has points; leave out --trials, and set --points")
        points = space.grid(axes, arguments.points or space.POINTS)
        return len(points), lambda journal, number: points[number]
    if arguments.points:
        raise UserError("--points belongs to --method grid; set --trials")
    count = min(arguments.trials or space.TRIALS, space.size(axes))
    if arguments.method == "random":
        return count, _anew(axes, lambda journal, number: space.sobol(axes, number, arguments.seed))

    bayesian.check()
    return count, _anew(
        axes,
        lambda journal, number: bayesian.propose(
            axes, journal.known(), list(journal.under_way.values()), number, arguments.seed
        ),
    )


def _anew(axes: list[space.Axis], propose: Callable) -> Callable:
    """`propose`, which may repeat itself where there are few settings: training the same again would tell nothing."""

    def proposed(journal, number: int) -> dict:
        settings, tried = propose(journal, number), journal.tried()
        return space.untried(axes, tried) if settings in tried and math.isfinite(space.size(axes)) else settings

    return proposed


def _network(name: str) -> type:
    if name not in NETWORKS:
        raise UserError(f"there is no network {name!r}; there are: {', '.join(NETWORKS)}")
    return NETWORKS[name].load()


def paper_of(network: str) -> PackageSpec:
    """How the paper of a network reads its data; the peers read tables as most do."""
    from importlib import import_module

    for name in ("profitnet", "finder", "diffcomp", "esnet"):
        paper = import_module(f"{name}.cli").SPEC
        if network in paper.networks:
            return paper
    return PackageSpec("matrepro", "", {})


def _table(fixed: dict):
    """The materials of the trials, without the test set; their target; the split."""
    with contextlib.redirect_stderr(io.StringIO()):  # what is left out was reported before the first trial
        reader = paper_of(fixed["network"]).read
        table, target, _ = load_labeled(fixed["data"], fixed["asked"], unit=fixed["unit"], reader=reader)
    split = Split(tuple(fixed["train"]), tuple(fixed["validation"]), ())
    return table.select((*split.train, *split.validation)), target, split


def warm_up(search: Search, jobs: int) -> None:
    """Make the features once, so that trials that start together find them."""
    table, _, _ = _table(search.fixed)
    model = _network(search.fixed["network"])(search.fixed["variant"], **_fixed(search.axes))
    made = model.features(table, jobs)
    report_left_out(made.errors, len(made.rows))


def train(fixed: dict, number: int, settings: dict) -> dict:
    """The validation error of one trial, at its best epoch."""
    warnings.showwarning = lambda message, *_: note(f"trial {number}: {message}")
    devices.setup(fixed["seed"], threads=fixed["threads"])
    table, target, split = _table(fixed)
    epochs = {"epochs": fixed["epochs"]} if fixed["epochs"] else {}
    model = _network(fixed["network"])(fixed["variant"], seed=fixed["seed"], **epochs, **settings)
    scratch = cache_root() / "runs" / f"tune-{fixed['search']}-{number}"
    trained = fit_and_score(model, table, target, split, files={}, checkpoints=scratch)
    row = restored_epoch(model)
    shutil.rmtree(scratch, ignore_errors=True)
    return {
        "error": row[f"validation_{fixed['metric']}"],
        "best_epoch": row["epoch"],
        "epochs": model.state.epoch,
        "seconds": round(trained.seconds, 1),
    }
