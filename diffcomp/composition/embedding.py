"""Element vectors learned from which elements occur together, and composition vectors made of them.

A table of formulas by elements holds tf * idf: tf the atomic fraction of an element, idf = ln(rows / rows with it).
An autoencoder, as wide as the table, through 30 hidden nodes and back, learns to reproduce its rows; the vector of an
element is its row of the encoder's weights. A composition is the vectors of its elements, each times its fraction, one
after the other.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.chem.elements import ELECTRONEGATIVITY, SYMBOLS
from common.chem.formula import Amounts, parse_formula
from common.errors import UserError
from common.io.progress import progress
from common.train import devices
from common.train.checkpoints import State, restore_checkpoint, save_checkpoint

#: Formulas with so many elements make the corpus.
ELEMENTS_IN_FORMULA = (2, 5)


@dataclass(frozen=True)
class Corpus:
    """A sparse table (formulas, elements) of tf * idf; `numbers` are the atomic numbers of its columns."""

    table: object  # scipy.sparse.csr_array
    numbers: np.ndarray


def corpus(formulas: Iterable[str]) -> Corpus:
    """The table of the formulas that have two to five elements. Elements that never occur have no column."""
    from scipy.sparse import csr_array

    low, high = ELEMENTS_IN_FORMULA
    rows, columns, shares, count = [], [], [], 0
    for formula in formulas:
        amounts = parse_formula(formula)
        if low <= len(amounts) <= high:
            total = sum(amounts.values())
            rows += [count] * len(amounts)
            columns += amounts
            shares += [float(amount / total) for amount in amounts.values()]
            count += 1
    if not count:
        raise UserError("no formula has two to five elements, so nothing can be learned")
    numbers, column = np.unique(columns, return_inverse=True)
    idf = np.log(count / np.bincount(column))
    table = csr_array((np.array(shares, dtype=np.float32), (rows, column)), shape=(count, len(numbers)))
    return Corpus((table * idf[None, :].astype(np.float32)).tocsr(), numbers)


@dataclass(frozen=True)
class ElementSpace:
    """Vectors (elements, 30) by atomic number, each dimension scaled to 0 ... 1 over the elements."""

    numbers: np.ndarray
    vectors: np.ndarray
    origin: str = "formula of the corpus"

    @classmethod
    def scaled(cls, numbers: np.ndarray, weights: np.ndarray, over: Iterable[int] | None = None) -> ElementSpace:
        """over: the elements that the scaled space has; all of the table if none are named."""
        numbers = np.asarray(numbers)
        if over is not None:
            inside = np.isin(numbers, list(over))
            numbers, weights = numbers[inside], weights[inside]
        if len(numbers) < 2:
            raise UserError("element vectors are scaled over two elements or more")
        low, high = weights.min(axis=0), weights.max(axis=0)
        if (low == high).any():
            same = int(np.argmax(low == high))
            raise UserError(f"dimension {same} is {low[same]:g} for every element, so it cannot be scaled to 0 ... 1")
        origin = "formula of the corpus" if over is None else "composition of the training set"
        return cls(numbers, (weights - low) / (high - low), origin)

    def __len__(self) -> int:
        return self.vectors.shape[1]

    def vector(self, z: int) -> np.ndarray:
        at = np.searchsorted(self.numbers, z)
        if at == len(self.numbers) or self.numbers[at] != z:
            raise UserError(f"{SYMBOLS[z]} has no vector: it is in no {self.origin}")
        return self.vectors[at]


def composition_vector(
    amounts: Amounts | str, space: ElementSpace, *, elements: int = 2, order: str = "metal first"
) -> np.ndarray:
    """Vectors of the elements times their fractions, one after the other; (elements * 30,).

    order: "metal first" and the anion last, or "as written". Fewer elements than places leave zeros before the last.
    """
    if isinstance(amounts, str):
        amounts = parse_formula(amounts)
    if not 2 <= len(amounts) <= elements:
        counted = f"{len(amounts)} element{'s' if len(amounts) > 1 else ''}"
        raise UserError(
            f"the composition has {counted}; this model takes two{f' to {elements}' if elements > 2 else ''}"
        )
    total = sum(amounts.values())
    parts = [
        float(amounts[z] / total) * space.vector(z) for z in (amounts if order == "as written" else in_order(amounts))
    ]
    empty = [np.zeros(len(space))] * (elements - len(parts))
    return np.concatenate([*parts[:-1], *empty, parts[-1]])


def in_order(numbers: Iterable[int]) -> list[int]:
    """Atomic numbers from metal to anion, that is by rising electronegativity (Pauling's)."""
    return sorted(numbers, key=lambda z: (ELECTRONEGATIVITY.get(z, 0.0), z))


def build_autoencoder(columns: int, length: int = 30):
    """columns -> `length` -> columns, tanh in both layers, weights from N(0, 1), biases at zero."""
    from keras import Input, Model, initializers, layers

    def dense(units: int, name: str):
        normal = initializers.RandomNormal(0.0, 1.0)
        return layers.Dense(units, activation="tanh", kernel_initializer=normal, name=name)

    inputs = Input((columns,), name="tfidf")
    return Model(inputs, dense(columns, "decoder")(dense(length, "encoder")(inputs)), name="eencm")


def learn(
    found: Corpus,
    *,
    length: int = 30,
    epochs: int = 1000,
    batch: int = 32,
    rate: float = 1e-4,
    seed: int = 123,
    folder: Path | None = None,
    scaled: bool = True,
) -> ElementSpace:
    """Train the autoencoder (MSE, Adam) and return its element vectors, scaled or as the encoder's weights.

    Every batch is drawn at random from the whole table, without repeats inside it and independently of the others; an
    epoch is floor(rows / batch) of them, as in the released program. With a `folder`, an interrupted run resumes.
    """
    devices.setup(seed)
    import keras

    model = build_autoencoder(len(found.numbers), length)
    rows = found.table.shape[0]
    steps = max(1, rows // batch)
    # Many small steps: most of the time of one at a time would be Python's.
    model.compile(keras.optimizers.Adam(rate), "mse", jit_compile=False, steps_per_execution=min(steps, 64))
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    digest = hashlib.sha256(repr((found.table.shape, float(found.table.sum()), length, batch, rate, seed)).encode())
    state = State(run=digest.hexdigest()[:16])
    checkpoint = Path(folder) / "checkpoint.npz" if folder else None
    if checkpoint and checkpoint.exists():
        state, _ = restore_checkpoint(checkpoint, variables, state.run)
    saved = time.perf_counter()
    with progress(total=epochs, initial=state.epoch, desc="element vectors", unit="epoch") as bar:
        while state.epoch < epochs:
            random = np.random.default_rng([seed, state.epoch])
            chosen = [random.choice(rows, min(batch, rows), replace=False, shuffle=False) for _ in range(steps)]
            dense = found.table[np.concatenate(chosen)].toarray()
            loss = model.fit(dense, dense, batch_size=len(chosen[0]), epochs=1, shuffle=False, verbose=0)
            state.epoch += 1
            state.history.append({"epoch": state.epoch, "loss": loss.history["loss"][0]})
            bar.update()
            if checkpoint and (time.perf_counter() - saved > 60 or state.epoch == epochs):
                save_checkpoint(checkpoint, variables, state, None)
                saved = time.perf_counter()
    weights = model.get_layer("encoder").get_weights()[0]
    return ElementSpace.scaled(found.numbers, weights) if scaled else ElementSpace(found.numbers, weights)
