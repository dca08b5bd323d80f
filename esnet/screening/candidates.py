"""Candidates from structures: densities of states by an engine, predictions by a model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from common.chem.crystal import Crystal
from common.errors import UserError
from common.sources import densities
from esnet.dft.batch import run_batch
from esnet.screening.ranking import Candidates


def candidates(
    model,
    structures: Iterable[tuple[str, Crystal]],
    folder: str | Path,
    **options,
) -> Candidates:
    """The formation energy that `model` predicts of every `(id, crystal)`, of `substitute` for one.

    The calculations stay in `folder`: those of a run that was stopped are not done again. What fails in the engine or
    is refused by the model is left out with its reason. `options` are those of `run_batch`.
    """
    if model.unit != "eV/atom":
        raise UserError(f"the model predicts {model.target} in {model.unit or 'no unit'}, a hull needs eV/atom")
    report = run_batch(structures, folder, **options)
    if not report.finished:
        return Candidates([], [], np.zeros(0), left_out=report.failed)
    table = densities.load(report.path).select(report.finished)
    predicted = model.predict(table)
    formulas = table.select(predicted.ids).formulas.tolist()
    return Candidates(predicted.ids.tolist(), formulas, predicted.prediction, left_out=report.failed | model.left_out)
