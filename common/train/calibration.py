"""Calibrate the prediction intervals of a trained model on materials that did not train it."""

from __future__ import annotations

import warnings
from typing import Any

from common.data.conformal import Conformal
from common.data.materials import MaterialsDataset
from common.data.splits import Split


def calibrate(
    model: Any, table: MaterialsDataset, split: Split, selection: str = "validation", jobs: int = 1
) -> Conformal | None:
    """Intervals from the calibration set of the split, else from its validation set; None if both are empty.

    selection: the set by which the epoch was chosen; intervals from the test set could not be tested.
    """
    source = "calibration" if split.calibration else "validation"
    ids = [name for name in split.subsets()[source] if name in table]
    if not ids or (source != "calibration" and selection == "test"):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the features are those of the training, which has warned of them
        predicted = model.predict(table.select(ids), jobs=jobs, bar=False)
    return Conformal.of(predicted, source)
