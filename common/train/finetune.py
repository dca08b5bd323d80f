"""Fine-tuning: a training that starts from the weights of a trained model of the same network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from common.errors import UserError
from common.io.files import bytes_digest

#: Factor of the recipe's learning rate for fine-tuning of all layers, so that few data do not erase what was learned.
SLOWER = 0.1


@dataclass(frozen=True)
class Trained:
    """What a new training takes over from a trained model."""

    config: Any
    elements: tuple[str, ...]
    inputs: dict[str, Any]
    arrays: list[np.ndarray]


@dataclass(frozen=True)
class Start:
    """The model that a training starts from; its name, target and the hash of its weights are stored with the result.

    head_only: only the output layer is trained. trained: None in a model that was loaded, which needs it no longer.
    """

    name: str
    target: str
    weights: str
    head_only: bool = False
    trained: Trained | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, model: Any, name: str, *, head_only: bool) -> Self:
        arrays = model.model.get_weights()
        digest = bytes_digest(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))
        trained = Trained(model.config, model.elements, model.input_state(), arrays)
        return cls(name, model.target, digest, head_only, trained)

    def as_plain(self) -> dict[str, Any]:
        return {"name": self.name, "target": self.target, "weights": self.weights, "head_only": self.head_only}

    @classmethod
    def from_plain(cls, stored: Mapping[str, Any]) -> Self:
        return cls(str(stored["name"]), str(stored["target"]), str(stored["weights"]), bool(stored["head_only"]))

    def content(self) -> Trained:
        if self.trained is None:
            raise UserError("this model was fine-tuned and loaded; call fit on its fine_tuning()")
        return self.trained

    def apply(self, network: Any) -> None:
        """Give a newly built network the weights, and freeze all layers but the last one if `head_only`."""
        arrays = self.content().arrays
        shapes, wanted = [array.shape for array in arrays], [tuple(one.shape) for one in network.weights]
        if shapes != wanted:
            pairs = [(one, other) for one, other in zip(shapes, wanted, strict=False) if one != other]
            sizes = f"a layer has the shape {pairs[0][0]}, not {pairs[0][1]}" if pairs else "it has other layers"
            raise UserError(f"{self.name} does not fit this network: {sizes}; use its loss, target shape and settings")
        network.set_weights(arrays)
        if self.head_only:
            for layer in network.layers[:-1]:
                layer.trainable = False


def slower(rate: float, *, head_only: bool) -> float:
    """The learning rate for fine-tuning, from that of a training from scratch; for the output layer alone all of it."""
    return rate if head_only else float(f"{SLOWER * rate:.6g}")


def refuse_other_layers(start: Start, changes: Mapping[str, Any]) -> None:
    """Settings of the network that differ from those of the start are an error, so that none is ignored."""
    config = start.content().config
    for name, value in changes.items():
        there = getattr(config, name, value)
        if there != value:
            raise UserError(
                f"{start.name} was trained with {name} {there}, not {value}; fine-tuning cannot change the network"
            )
