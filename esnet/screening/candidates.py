"""Candidates made from prototypes: substitution, densities of states by an engine, predictions by a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.materials import MaterialsTable
from common.sources import densities
from esnet.engines import DEFAULT, Engine, Settings
from esnet.engines.batch import run_batch
from esnet.engines.substitution import substitute
from esnet.screening.ranking import Candidates


def candidates(
    model,
    prototypes: MaterialsTable,
    elements: Sequence[str],
    folder: str | Path,
    *,
    volume: str = "as is",
    engine: str | Engine = "gpaw",
    settings: Settings = DEFAULT,
    time_limit: float | None = None,
    processes: int = 1,
) -> Candidates:
    """Every pair of the elements in every prototype, with the formation energy that `model` predicts.

    The calculations stay in `folder`: those of a run that was stopped are not done again. What fails in the engine or
    is refused by the model is left out with its reason.
    """
    if model.unit != "eV/atom":
        raise UserError(f"the model predicts {model.target} in {model.unit or 'no unit'}, a hull needs eV/atom")
    named = list(zip(prototypes.ids.tolist(), prototypes.structures(), strict=True))
    made = substitute(named, elements, volume=volume)
    report = run_batch(made, folder, engine=engine, settings=settings, time_limit=time_limit, processes=processes)
    if not report.finished:
        return Candidates([], [], np.zeros(0), left_out=report.failed)
    table = densities.load(report.path).select(report.finished)
    predicted = model.predict(table)
    formulas = table.select(predicted.ids).formulas.tolist()
    return Candidates(predicted.ids.tolist(), formulas, predicted.prediction, left_out=report.failed | model.left_out)
