"""Candidates from structures: densities of states by an engine, predictions by a model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from common.crystal import Crystal
from common.errors import UserError
from common.sources import densities
from esnet.engines import DEFAULT, Engine, Settings
from esnet.engines.batch import run_batch
from esnet.screening.ranking import Candidates


def candidates(
    model,
    structures: Iterable[tuple[str, Crystal]],
    folder: str | Path,
    *,
    engine: str | Engine = "gpaw",
    settings: Settings = DEFAULT,
    time_limit: float | None = None,
    processes: int = 1,
) -> Candidates:
    """The formation energy that `model` predicts of every `(id, crystal)`, of `substitute` for one.

    The calculations stay in `folder`: those of a run that was stopped are not done again. What fails in the engine or
    is refused by the model is left out with its reason.
    """
    if model.unit != "eV/atom":
        raise UserError(f"the model predicts {model.target} in {model.unit or 'no unit'}, a hull needs eV/atom")
    asked = list(structures)
    report = run_batch(asked, folder, engine=engine, settings=settings, time_limit=time_limit, processes=processes)
    # The folder may hold candidates of an earlier call.
    names = {name for name, _ in asked}
    finished = [name for name in report.finished if name in names]
    failed = {name: reason for name, reason in report.failed.items() if name in names}
    if not finished:
        return Candidates([], [], np.zeros(0), left_out=failed)
    table = densities.load(report.path).select(finished)
    predicted = model.predict(table)
    formulas = table.select(predicted.ids).formulas.tolist()
    return Candidates(predicted.ids.tolist(), formulas, predicted.prediction, left_out=failed | model.left_out)
