"""Prediction intervals for the commands."""

from __future__ import annotations

from typing import Any

from common.errors import UserError
from common.io.messages import note


def check_intervals(model: Any, level: float | None) -> None:
    """Refuse an interval that the model cannot give, before anything is predicted, and note a weaker guarantee."""
    if level is None:
        return
    conformal = model.conformal
    if conformal is None:
        raise UserError("this model has no calibrated intervals; train it with --calibration 0.1")
    conformal.half_width(level)
    if conformal.source == "validation":
        note(
            f"note: the {level:.3g} intervals are calibrated on the validation set, which also chose the epoch, so "
            "they may cover slightly less; train with --calibration 0.1 for the guarantee"
        )
