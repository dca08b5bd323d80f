"""From rows to what a network is fed: shuffled batches, cut into pieces where memory is short."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from common.train.recipe import Recipe


class Batches:
    """Shuffled mini-batches of `rows`, each one cut into `parts` weighted pieces."""

    def __init__(self, features, targets: np.ndarray, rows: np.ndarray, recipe: Recipe, seed: int):
        self.features, self.targets, self.rows, self.recipe, self.seed = features, targets, rows, recipe, seed

    def updates(self, number: int) -> Iterator[tuple[np.ndarray, float]]:
        """The rows of every batch of an epoch, and their share of all rows."""
        order = np.random.default_rng([self.seed, number]).permutation(self.rows)
        for start in range(0, len(order), self.recipe.batch):
            batch = order[start : start + self.recipe.batch]
            yield batch, len(batch) / len(order)

    def epoch(self, number: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None, float]]:
        """Inputs, targets, weights, and the share that the loss of this piece has in the mean loss of the epoch."""
        for batch, share in self.updates(number):
            for rows, weights in pieces(batch, self.recipe.parts):
                yield self.features.batch(rows), self.targets[rows], weights, share / self.recipe.parts


def pieces(rows: np.ndarray, parts: int) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Cut a batch into exactly `parts` pieces and the weights that make the mean gradient that of the whole.

    Keras averages the loss over a piece and the gradients over the pieces. Row i of a piece of n_p rows, of a
    batch of n rows in which it stands c_i times, therefore gets the weight parts * n_p / (n * c_i). A batch
    smaller than `parts` is filled up by repeating rows.
    """
    if parts == 1:
        yield rows, None
        return
    index = np.arange(max(len(rows), parts)) % len(rows)
    times = np.bincount(index)
    for piece in np.array_split(index, parts):
        weights = parts * len(piece) / (len(rows) * times[piece])
        yield rows[piece], weights.astype(np.float32)
