"""What a run reads: its sources and its split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from common.data import splits
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.sources import load_source
from experiments.declare.plan import Run

KINDS = ("fractions", "formula", "folds", "k-folds", "given")


def sources_of(run: Run) -> list[str]:
    """The sources that a run reads."""
    return [run.settings["source"], *run.settings.get("also", {}).values()]


def missing_sources(runs: Iterable[Run]) -> dict[str, str]:
    """Source -> reason, for the sources of these runs that cannot be read."""
    missing = {}
    for name in dict.fromkeys(name for run in runs for name in sources_of(run)):
        try:
            load_source(name)
        except UserError as error:
            missing[name] = str(error)
    return missing


def make_split(table: MaterialsDataset, declared: dict[str, Any], seed: int) -> splits.Split:
    """The split of a run. With folds the seed is the number of the fold; `train` reduces the training set."""
    if "train" in declared:
        whole = {name: value for name, value in declared.items() if name != "train"}
        return splits.fewer(make_split(table, whole, seed), declared["train"], seed)
    kind = declared.get("kind")
    if kind == "fractions":
        return splits.by_fractions(table, declared["shares"], seed)
    if kind == "formula":
        return splits.by_formula(table, declared["shares"], seed)
    if kind == "folds":
        return splits.by_fold(table, seed, declared["validation"])
    if kind == "k-folds":
        grouped = declared.get("grouped", False)
        return splits.k_folds(table, declared["k"], declared["validation"], grouped=grouped)[seed]
    if kind == "given":
        return splits.by_marks(table, declared["validation"], seed)
    raise UserError(f"split kind {kind!r} is unknown; choose one of {', '.join(KINDS)}")
