"""Training with checkpoints: a run killed at any moment and started again ends as if left alone.

The order of every epoch follows from the seed and the epoch number, and a checkpoint holds all variables
of model and optimiser, random states included, so nothing depends on when it was written.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from common.data import metrics
from common.errors import UserError
from common.io.files import sweep
from common.io.progress import progress
from common.nn import losses
from common.train.batches import Batches
from common.train.checkpoints import State, keep, restore, write_history
from common.train.recipe import Recipe, make_optimizer, rate_of, score_of
from common.train.strategy.base import ONE, OneDevice

#: Updates after which compiling, some seconds for every shape of batch, has paid.
XLA_PAYS = 500


@dataclass(frozen=True)
class Scale:
    """Between the target in its unit and what the network gives: target = shift + factor * output."""

    shift: float = 0.0
    factor: float = 1.0

    @classmethod
    def of(cls, targets: np.ndarray) -> Scale:
        """Mean and population standard deviation; a constant target is only shifted."""
        return cls(float(targets.mean(dtype=np.float64)), float(targets.std(dtype=np.float64)) or 1.0)

    def inner(self, targets: np.ndarray) -> np.ndarray:
        return ((targets - self.shift) / self.factor).astype(np.float32)

    def outer(self, outputs: np.ndarray) -> np.ndarray:
        return self.shift + self.factor * outputs


def train(
    model,
    features,
    targets,
    train_rows,
    validation_rows,
    recipe: Recipe,
    *,
    seed: int,
    folder: Path | None = None,
    scale: Scale | None = None,
    work: OneDevice = ONE,
) -> State:
    """Train `model` in place and leave the best weights in it.

    targets: (n,), or (n, m) for curves. The first m outputs of the model are their means, through `scale`.

    With a `folder`, progress is kept there and an interrupted run goes on from it; `history.csv` holds one line
    an epoch.

    work: the devices, see `common.train.strategy.select`; the model must have been built in their scope, and so is this called.
    """
    import keras

    if len(train_rows) == 0:
        raise UserError("no training material has a target value")
    rate = recipe.learning_rate
    if recipe.decay_every == "update":
        rate = keras.optimizers.schedules.ExponentialDecay(rate, decay_steps=1, decay_rate=recipe.decay)
    recipe = replace(recipe, parts=work.parts(recipe.parts))
    optimizer = make_optimizer(recipe, rate, work)
    # On a processor, TensorFlow's XLA makes PROFiT-Net 15 times slower, Finder 1.3 times faster.
    updates = recipe.epochs * -(-len(train_rows) // recipe.batch)
    xla = work.prepare(model, keras.backend.backend() == "jax" or (recipe.xla and updates >= XLA_PAYS))
    model.compile(optimizer, losses.by_name(recipe.loss), jit_compile=xla)
    model.optimizer.build(model.trainable_variables)  # in half precision, a wrapper that scales the loss
    variables = [*model.variables, *model.optimizer.variables]
    state, best_weights = State(_fingerprint(targets, train_rows, validation_rows, recipe, seed)), None
    checkpoint = Path(folder) / "checkpoint.npz" if folder else None
    if folder and work.chief:
        sweep(folder)
    if checkpoint and checkpoint.exists():
        state, best_weights = restore(checkpoint, variables, state.run)
        if state.epoch > recipe.epochs:
            raise UserError(f"{checkpoint} is already past epoch {recipe.epochs}; delete it to start afresh")
    work.agree(state.epoch)
    checkpoint = checkpoint if work.chief else None

    scale = scale or Scale()
    batches = Batches(features, scale.inner(targets), train_rows, recipe, seed)
    started, saved = time.perf_counter() - state.seconds, time.perf_counter()
    pause = min(recipe.checkpoint_seconds, 5.0)
    bar = progress(total=recipe.epochs, initial=state.epoch, desc="training", unit="epoch")
    while state.epoch < recipe.epochs and not _patience_over(state, recipe):
        if recipe.plateau or recipe.drop_at or (recipe.decay != 1 and recipe.decay_every == "epoch"):
            model.optimizer.learning_rate = rate_of(recipe, state.epoch, state.history)
        loss = 0.0  # Keras forgets the earlier batches at every call, so the mean is taken here
        for x, y, weights, share in work.epoch(batches, state.epoch):
            loss += share * work.update(model, x, y, weights)
        row = {"epoch": state.epoch + 1, "loss": loss}
        outputs = predict(model, features, validation_rows, work=work)
        validation = scale.outer(means(outputs, targets.shape))
        if not (np.isfinite(loss) and np.isfinite(validation).all()):
            raise UserError(f"the loss is not a number after epoch {row['epoch']}; lower the learning rate")
        if len(validation):
            errors = metrics.regression(targets[validation_rows], validation)
            row |= {"validation_MAE": errors["MAE"], "validation_MSE": errors["MSE"]}
            if recipe.monitor == "loss":
                row["validation_loss"] = losses.mean_of(recipe.loss, batches.targets[validation_rows], outputs)
        score = score_of(row, recipe)
        if score < state.best:
            state.best, state.best_epoch, best_weights = score, state.epoch, model.get_weights()
        state.epoch += 1
        state.seconds = time.perf_counter() - started
        state.history.append(row | {"seconds": round(state.seconds, 2)})
        bar.update()
        bar.set_postfix(best=f"{state.best:.4g}", refresh=False)
        if checkpoint and time.perf_counter() - saved > pause:
            began = time.perf_counter()
            keep(checkpoint, variables, state, best_weights)
            saved = time.perf_counter()
            pause = min(recipe.checkpoint_seconds, 30 * (saved - began))
    bar.close()
    if checkpoint:
        keep(checkpoint, variables, state, best_weights)
        write_history(Path(folder) / "history.csv", state.history)
    if best_weights is not None and recipe.keep == "best":
        model.set_weights(best_weights)
    return state


def means(outputs: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The outputs that stand for targets of this shape, (n,) or (n, m); scales may follow them."""
    return outputs[:, 0] if len(shape) == 1 else outputs[:, : shape[1]]


def predict(
    model, features, rows: np.ndarray, batch: int = 128, *, bar: bool = False, work: OneDevice = ONE
) -> np.ndarray:
    """Outputs (len(rows), n) of the model, in float64, batch by batch."""
    starts = range(0, len(rows), batch)
    outputs = [
        np.asarray(work.outputs(model, features, rows[i : i + batch]), dtype=np.float64)
        for i in (progress(starts, desc="predicting", unit="batch") if bar else starts)
    ]
    return np.concatenate(outputs) if outputs else np.zeros((0, 1))


def _patience_over(state: State, recipe: Recipe) -> bool:
    return bool(recipe.patience) and state.best_epoch >= 0 and state.epoch - 1 - state.best_epoch >= recipe.patience


def _fingerprint(targets, train_rows, validation_rows, recipe: Recipe, seed: int) -> str:
    """A hash of what a run may not change when it goes on; more epochs and another patience it may have."""
    numbers = {k: v for k, v in recipe.numbers().items() if k not in ("epochs", "patience")}
    sha = hashlib.sha256(json.dumps([seed, numbers], sort_keys=True).encode())
    for rows in (train_rows, validation_rows):
        sha.update(np.asarray(rows, dtype=np.int64).tobytes())
        sha.update(np.asarray(targets, dtype=np.float64)[rows].tobytes())
    return sha.hexdigest()[:16]
