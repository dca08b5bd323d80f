"""Train a declared preset and write its folder; an interrupted training resumes."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np

from common import __version__
from common.data.conformal import Conformal, coverage
from common.data.domain import Domain
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split, by_formula, by_fractions, with_calibration
from common.errors import UserError
from common.presets.load import SPECS
from common.presets.store import write_preset
from common.train.ensemble import Ensemble
from experiments.analyses.results import load_results
from experiments.declare import plan
from experiments.presets.declared import Declared, find

#: Shares of the dataset that choose the epoch and that calibrate the intervals.
VALIDATION, CALIBRATION = 0.1, 0.1
#: Probability of the intervals whose coverage the card states, and random halves over which it is averaged.
LEVEL, HALVES = 0.9, 40


def build_preset(name: str, known: dict[str, Declared], output: Path | None = None, *, jobs: int = 1) -> Path:
    """Train the preset and write it to `output/name`, by default inside its package.

    The folder `.name.run` beside it has the checkpoints until the preset is written.
    """
    one = find(name, known)
    output = output or _package_folder(one.package)
    spec = next(spec for spec in map(_spec, SPECS) if spec.name == one.package)
    kind = spec.regressor(one.network)
    if one.recipe and one.recipe not in kind.recipes:
        raise UserError(f"{name}: {one.network} has no recipe {one.recipe!r}; choose one of {', '.join(kind.recipes)}")
    settings = {**kind.recipes.get(one.recipe, {}), **one.settings}
    table = spec.read([one.source], jobs=jobs).table.known(one.target)
    split = preset_split(table, grouped=one.grouped)
    run = output / f".{name}.run"

    def make(seed: int) -> Any:
        return kind(one.variant, seed=seed, **settings)

    model = Ensemble(make, one.members) if one.members > 1 else make(0)
    model.fit(table, one.target, split, folder=run, jobs=jobs)
    domain = model.fit_domain(table, jobs=jobs)
    held_out = model.predict(table.select(split.calibration), jobs=jobs)
    folder = write_preset(model, output / name, _facts(one, table, split, held_out) | _domain(domain))
    shutil.rmtree(run, ignore_errors=True)
    return folder


def preset_split(table: MaterialsDataset, *, grouped: bool = False) -> Split:
    """80 % for training, 10 % to choose the epoch, 10 % to calibrate the intervals."""
    split = (by_formula if grouped else by_fractions)(table, (1 - VALIDATION, VALIDATION, 0))
    return with_calibration(split, table, CALIBRATION, grouped=grouped)


def _facts(one: Declared, table: MaterialsDataset, split: Split, held_out: Predictions) -> dict[str, Any]:
    """What the model card says, see `common.presets.card.model_card`."""
    assert held_out.target is not None
    n = len(held_out)
    median = float(np.median(table.select(split.train).target(one.target).values))
    where = f"the {n} materials of the calibration set, which did not train it"
    errors = [
        {"model": one.network, "MAE": held_out.metrics()["MAE"], "source": where},
        {"model": "median of the training set", "MAE": float(np.abs(held_out.target - median).mean()), "source": where},
        *cross_validated(**one.results),
    ]
    group = ", polymorphs of a formula in one set" if one.grouped else ""
    return {
        "package": one.package,
        "example": one.example,
        "paper": _citation(one.package),
        "needs": "crystal structures"
        if table.has_structures and one.network not in ("finder", "rescnn")
        else "formulas",
        "dataset": {"name": one.source, "rows": len(table), "source": table.origin, **one.data},
        "split": f"random: {len(split.train)} for training, {len(split.validation)} to choose the epoch, "
        f"{len(split.calibration)} to calibrate the intervals{group}; split {split.digest()}",
        "errors": errors,
        "coverage": measured_coverage(held_out),
        "limits": list(one.limits),
        "built_with": __version__,
    }


def _domain(domain: Domain | None) -> dict[str, Any]:
    return {"domain": domain.table(), "domain_separates": domain.separates} if domain else {}


def measured_coverage(held_out: Predictions, level: float = LEVEL) -> dict[str, float]:
    """Coverage and median width of intervals: calibrated on one random half, tested on the other, averaged."""
    random, covered, widths = np.random.default_rng(0), [], []
    half = len(held_out) // 2
    for _ in range(HALVES if half >= 1 / (1 - level) else 0):
        order = random.permutation(len(held_out))
        calibrated = Conformal.of(_rows(held_out, order[:half]), "calibration")
        assert calibrated is not None
        tested = calibrated.interval(_rows(held_out, order[half:]), level)
        covered.append(coverage(tested))
        widths.append(float(np.median(tested.upper - tested.lower)))
    if not covered:
        return {}
    n = len(held_out) - half
    return {"level": level, "measured": float(np.mean(covered)), "n": n, "median_width": float(np.mean(widths))}


def _rows(predicted: Predictions, rows: np.ndarray) -> Predictions:
    target, std = (None if values is None else values[rows] for values in (predicted.target, predicted.std))
    return Predictions(predicted.ids[rows], predicted.prediction[rows], target, std, predicted.unit)


def cross_validated(paper: str = "", table: str = "", column: str = "") -> list[dict[str, Any]]:
    """The stored errors of all models of a column of a table, and those that the paper reports."""
    if not paper:
        return []
    rows = []
    for result in load_results(paper, table, "real", column).models:
        values, reported = result.values.get("MAE", ()), result.reported.get("MAE")
        if len(values):
            where = f"{len(values)} test sets, {paper} {table}"
            rows.append({"model": result.row, "MAE": float(np.mean(values)), "source": where})
        if reported is not None:
            rows.append({"model": result.row, "MAE": float(reported), "source": "reported by its authors"})
    return rows


def _citation(package: str) -> str:
    facts = plan.reported(package) if package in plan.papers() else {}
    return ", ".join(str(facts[key]) for key in ("title", "journal", "doi") if facts.get(key))


def _spec(module: str) -> Any:
    return resolve_name(f"{module}:SPEC")


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"the package {package!r} is not installed; name a folder with --output")
    return Path(next(iter(spec.submodule_search_locations))) / "presets"
