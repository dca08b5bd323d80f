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
from common.io.locks import alone
from common.presets.load import SPECS
from common.presets.quantize import LARGE, pack, unpack
from common.presets.store import read_preset, write_preset
from common.train.ensemble import Ensemble
from experiments.analyses.results import load_results
from experiments.declare import plan
from experiments.presets.declared import Declared, find

#: Shares of the dataset that choose the epoch and that calibrate the intervals.
VALIDATION, CALIBRATION = 0.1, 0.1
#: Numbers of bits for the weights of large arrays; the first is taken whose errors are at most so much larger.
BITS, LOSS = (4, 5, 6, 7, 8), 0.01
#: What a model needs, as its card says it.
NEEDS = {"formula": "formulas", "structure": "crystal structures", "densities": "densities of states"}
#: Probability of the intervals whose coverage the card states, and random halves over which it is averaged.
LEVEL, HALVES = 0.9, 40


def build_preset(
    name: str, known: dict[str, Declared], output: Path | None = None, *, renew: bool = False, jobs: int = 1
) -> Path:
    """Train the preset and write it to `output/name`, by default inside its package.

    The folder `.name.run` beside it has the checkpoints until the preset is written. renew: keep the weights of the
    preset that is there, and measure again what its files say of it.
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

    if renew:
        model = read_preset(output / name, spec.regressor)
        for member in getattr(model, "members", [model]):
            member.split = member.adapt_split(split)
    else:
        model = Ensemble(make, one.members) if one.members > 1 else make(0)
        with alone(run):
            model.fit(table, one.target, split, folder=run, jobs=jobs)
    test = table.select(split.calibration)
    bits, held_out = quantized(model, test, jobs=jobs)
    model.conformal = Conformal.of(held_out, "calibration")
    domain = model.fit_domain(table, jobs=jobs)
    facts = _facts(one, table, split, held_out, model.needs) | _domain(domain)
    folder = write_preset(model, output / name, facts, bits=bits)
    shutil.rmtree(run, ignore_errors=True)
    return folder


def quantized(model: Any, table: MaterialsDataset, *, jobs: int = 1) -> tuple[int, Predictions]:
    """Round the weights to the fewest of `BITS` with which the error on `table` grows by at most `LOSS`.

    Returns the number of bits and the predictions for `table`.
    """
    members = getattr(model, "members", [model])
    exact = [member.model.get_weights() for member in members]
    error = model.predict(table, jobs=jobs).metrics()["MAE"]
    large = any(array.size >= LARGE for array in exact[0])
    for bits in BITS if large else BITS[-1:]:
        for member, arrays in zip(members, exact, strict=True):
            member.model.set_weights(unpack(pack(arrays, bits)))
        predicted = model.predict(table, jobs=jobs)
        if predicted.metrics()["MAE"] <= (1 + LOSS) * error:
            break
    return bits, predicted


def preset_split(table: MaterialsDataset, *, grouped: bool = False) -> Split:
    """80 % for training, 10 % to choose the epoch, 10 % to calibrate the intervals."""
    split = (by_formula if grouped else by_fractions)(table, (1 - VALIDATION, VALIDATION, 0))
    return with_calibration(split, table, CALIBRATION, grouped=grouped)


def _facts(one: Declared, table: MaterialsDataset, split: Split, held_out: Predictions, needs: str) -> dict[str, Any]:
    """What the model card says, see `common.presets.card.model_card`."""
    assert held_out.target is not None
    n = len(held_out)
    median = float(np.median(table.select(split.train).target(one.target).values))
    where = f"the calibration set ({n} materials), which did not train it"
    errors = [
        {"model": "this preset", "MAE": held_out.metrics()["MAE"], "source": where},
        {"model": "median of the training set", "MAE": float(np.abs(held_out.target - median).mean()), "source": where},
        *cross_validated(**one.results),
    ]
    group = ", polymorphs of a formula in one set" if one.grouped else ""
    return {
        "package": one.package,
        "example": one.example,
        "property": one.property,
        "paper": _citation(one.package),
        "needs": NEEDS[needs],
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
            tests = "a test set" if len(values) == 1 else f"mean of {len(values)} test sets"
            where = f"{tests} of the table {table} in docs/results/{paper}.md"
            rows.append({"model": result.row, "MAE": float(np.mean(values)), "source": where})
        if reported is not None:
            rows.append({"model": result.row, "MAE": float(reported), "source": "reported in the literature"})
    return rows


def _citation(package: str) -> str:
    facts = plan.article(package) if package in plan.papers() else {}
    return f"{facts['title']}, doi:{facts['doi']}" if facts else ""


def _spec(module: str) -> Any:
    return resolve_name(f"{module}:SPEC")


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"the package {package!r} is not installed; name a folder with --output")
    return Path(next(iter(spec.submodule_search_locations))) / "presets"
