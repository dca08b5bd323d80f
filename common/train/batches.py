"""Shuffled mini-batches, cut into microbatches where memory is short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from common.train.recipes.recipe import Recipe


class Features(Protocol):
    """What a network is fed, by rows."""

    def batch(self, rows: np.ndarray) -> Any: ...


class Batches:
    """Shuffled mini-batches of `rows`, each cut into `accumulation_steps` weighted microbatches.

    Features with a method `augmented(rows, rng)` are asked for that instead of `batch(rows)`.
    """

    def __init__(self, features: Features, targets: np.ndarray, rows: np.ndarray, recipe: Recipe, seed: int):
        self.features, self.targets, self.rows, self.recipe, self.seed = features, targets, rows, recipe, seed

    def __len__(self) -> int:
        """Updates per epoch."""
        return -(-len(self.rows) // self.recipe.batch)

    def updates(self, epoch: int) -> Iterator[tuple[np.ndarray, float]]:
        """The rows of every batch of an epoch, and their fraction of all rows."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        for start in range(0, len(order), self.recipe.batch):
            batch = order[start : start + self.recipe.batch]
            yield batch, len(batch) / len(order)

    def epoch(self, number: int) -> Iterator[tuple[Any, np.ndarray, np.ndarray | None, float]]:
        """Inputs, targets, weights, and the weight of this microbatch's loss in the mean loss of the epoch."""
        augmented = getattr(self.features, "augmented", None)
        rng = np.random.default_rng([self.seed, number, 1])
        for batch, share in self.updates(number):
            for rows, weights in microbatches(batch, self.recipe.accumulation_steps):
                x = augmented(rows, rng) if augmented else self.features.batch(rows)
                yield x, self.targets[rows], weights, share / self.recipe.accumulation_steps


def microbatches(rows: np.ndarray, number: int) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Cut a batch into exactly `number` microbatches, with weights that make their mean gradient that of the batch.

    Keras averages the loss over a microbatch and the gradients over the microbatches. Row i of a microbatch of n_p
    rows, of a batch of n rows in which it occurs c_i times, therefore has the weight number * n_p / (n * c_i). A batch
    smaller than `number` is filled up by repeating rows.
    """
    if number == 1:
        yield rows, None
        return
    index = np.arange(max(len(rows), number)) % len(rows)
    times = np.bincount(index)
    for piece in np.array_split(index, number):
        weights = number * len(piece) / (len(rows) * times[piece])
        yield rows[piece], weights.astype(np.float32)
