"""Candidates from structures: compute densities of states and predict formation energies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.chem.crystal import Crystal
from common.errors import UserError
from common.sources import densities
from esnet.dft.batch import run_batch
from esnet.screening.ranking import Candidates

if TYPE_CHECKING:
    from common.train.regressor import Regressor


def candidates(
    model: Regressor, structures: Iterable[tuple[str, Crystal]], folder: str | Path, **options: Any
) -> Candidates:
    """Predict the formation energy of every `(id, crystal)`, for example from `substitute`.

    Calculations are stored in `folder`, so an interrupted run resumes. Failed calculations and materials that the model
    refuses are left out with a reason. `options` are those of `run_batch`.
    """
    if model.unit != "eV/atom":
        raise UserError(
            f"the model predicts {model.target} in {model.unit or 'no unit'}; use one that predicts eV/atom for a hull"
        )
    report = run_batch(structures, folder, **options)
    if not report.finished:
        return Candidates([], [], np.zeros(0), left_out=report.failed)
    table = densities.load(report.path).select(report.finished)
    predicted = model.predict(table)
    formulas = table.select(predicted.ids).formulas.tolist()
    return Candidates(predicted.ids.tolist(), formulas, predicted.prediction, left_out=report.failed | model.left_out)
