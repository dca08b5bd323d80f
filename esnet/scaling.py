"""Standardization of the network's inputs, stored with a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of every channel (spin up, then down), of the composition and of the energy."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    composition: tuple[float, float] = (0.0, 1.0)
    energy: tuple[float, float] = (0.0, 1.0)

    def as_plain(self) -> dict[str, list[float]]:
        """For `model.json`."""
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_plain(cls, values: dict[str, list[float]]) -> Scaling:
        """From `model.json`, where older models have no energy."""
        return cls(**{name: tuple(values[name]) for name in cls.__dataclass_fields__ if name in values})
