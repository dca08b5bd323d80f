"""Scaling of targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TargetScaler:
    """Between the target in its unit and the output of the network: target = shift + factor * output."""

    shift: float = 0.0
    factor: float = 1.0

    @classmethod
    def of(cls, targets: np.ndarray) -> TargetScaler:
        """From mean and population standard deviation; a constant target is only shifted."""
        return cls(float(targets.mean(dtype=np.float64)), float(targets.std(dtype=np.float64)) or 1.0)

    def transform(self, targets: np.ndarray) -> np.ndarray:
        return ((targets - self.shift) / self.factor).astype(np.float32)

    def inverse_transform(self, outputs: np.ndarray) -> np.ndarray:
        return self.shift + self.factor * outputs
