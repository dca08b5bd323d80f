"""The training loop, with checkpoints: an interrupted run resumes to the same result as an uninterrupted one.

The order of every epoch follows from the seed and the number of the epoch, and a checkpoint holds all variables of
model and optimizer, random states included, so that nothing depends on when it was written.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from common.data import metrics
from common.errors import UserError
from common.io.files import sweep
from common.io.progress import progress
from common.nn import losses
from common.train.batches import Batches, Features
from common.train.checkpoints import State, restore_checkpoint, save_checkpoint, write_history
from common.train.recipes.recipe import Recipe, changes_by_epoch, learning_rate, make_optimizer, rate_of, score_of
from common.train.scaler import TargetScaler
from common.train.strategy.base import PREDICTION, SINGLE_DEVICE, Strategy

#: Updates after which compiling, some seconds for every shape of batch, has paid.
XLA_PAYS = 500


def train(
    model: Any,
    features: Features,
    targets: np.ndarray,
    train_rows: np.ndarray,
    validation_rows: np.ndarray,
    recipe: Recipe,
    *,
    seed: int,
    folder: Path | None = None,
    scaler: TargetScaler | None = None,
    strategy: Strategy = SINGLE_DEVICE,
    callbacks: Sequence[Any] = (),
    start: str = "",
) -> State:
    """Train `model` in place and leave the best weights in it.

    targets: (n,), or (n, m) for curves. The first m outputs of the model are their means, through `scaler`.
    folder: where checkpoints are saved and from which an interrupted run resumes; `history.csv` has a line per epoch.
    strategy: see `common.train.strategy.select`; the model must have been built within its scope.
    callbacks: of Keras; they see epochs and their losses, and `model.stop_training` ends the run.
    start: hash of the weights that the model has at the start, where these do not follow from the seed.
    """
    if len(train_rows) == 0:
        raise UserError("no training material has a target value")
    recipe = replace(recipe, accumulation_steps=strategy.accumulation_steps(recipe.accumulation_steps))
    scaler = scaler or TargetScaler()
    batches = Batches(features, scaler.transform(targets), train_rows, recipe, seed)
    _compile(model, recipe, strategy, len(batches))
    run = _fingerprint(targets, train_rows, validation_rows, recipe, [seed, start] if start else [seed])
    checkpoints = _Checkpoints(folder, model, recipe, strategy)
    state, best_weights = checkpoints.restore(run)
    followers = _Followers(callbacks, model, recipe, len(batches))
    started = time.perf_counter() - state.seconds
    with progress(total=recipe.epochs, initial=state.epoch, desc="training", unit="epoch") as bar:
        while state.epoch < recipe.epochs and not _patience_over(state, recipe) and not followers.stopped:
            followers.begin(state.epoch)
            loss = _train_epoch(model, batches, state, recipe, strategy, followers)
            row = {"epoch": state.epoch + 1, "loss": loss}
            with _averaged_weights(model, recipe):
                row |= _validate(
                    model, batches, targets, validation_rows, scaler, strategy, row, with_loss=followers.called
                )
                if score_of(row, recipe) < state.best:
                    state.best, state.best_epoch, best_weights = score_of(row, recipe), state.epoch, model.get_weights()
                followers.end(state.epoch, row)
            if recipe.monitor != "loss":  # which callbacks alone are given
                row.pop("validation_loss", None)
            state.epoch += 1
            state.seconds = time.perf_counter() - started
            state.history.append(row | {"seconds": round(state.seconds, 2)})
            bar.update()
            bar.set_postfix(best=f"{state.best:.4g}", refresh=False)
            checkpoints.save_if_due(state, best_weights)
    checkpoints.finish(state, best_weights)
    if best_weights is not None and recipe.keep == "best":
        model.set_weights(best_weights)
    elif recipe.average:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    followers.finish(state)
    return state


def _compile(model: Any, recipe: Recipe, strategy: Strategy, updates: int) -> None:
    """Give the model its optimizer and loss. `updates`: of an epoch."""
    import keras

    optimizer = make_optimizer(recipe, learning_rate(recipe, updates), strategy)
    # On a processor, TensorFlow's XLA makes PROFiT-Net 15 times slower, Finder 1.3 times faster.
    pays = recipe.xla and recipe.epochs * updates >= XLA_PAYS
    compiled = strategy.prepare(model, keras.backend.backend() == "jax" or pays)
    compile_network(model, optimizer, recipe.loss, xla=compiled)
    model.optimizer.build(model.trainable_variables)  # in half precision, a wrapper that scales the loss


def compile_network(model: Any, optimizer: Any, loss: str, *, xla: bool) -> None:
    """Compile a network, whose convolutions are other ones under TensorFlow's XLA."""
    import keras

    from common.nn.convolution import set_compiled

    set_compiled(model, xla and keras.backend.backend() == "tensorflow")
    model.compile(optimizer, losses.by_name(loss), jit_compile=xla)


def _train_epoch(
    model: Any, batches: Batches, state: State, recipe: Recipe, strategy: Strategy, followers: _Followers
) -> float:
    """The updates of one epoch; returns the mean loss over its rows."""
    if changes_by_epoch(recipe):
        model.optimizer.learning_rate = rate_of(recipe, state.epoch, state.history)
    loss = 0.0
    for step, (x, y, weights, share) in enumerate(strategy.epoch(batches, state.epoch)):
        followers.begin_batch(step)
        of_batch = strategy.update(model, x, y, weights)
        followers.end_batch(step, of_batch)
        loss += share * of_batch
        if followers.stopped:
            break
    return loss


@contextmanager
def _averaged_weights(model: Any, recipe: Recipe) -> Iterator[None]:
    """The moving average of the weights stands in the model within the block."""
    if not recipe.average:
        yield
        return
    variables = model.trainable_variables
    current = [np.asarray(variable) for variable in variables]
    model.optimizer.finalize_variable_values(variables)
    yield
    for variable, value in zip(variables, current, strict=True):
        variable.assign(value)


def _validate(
    model: Any,
    batches: Batches,
    targets: np.ndarray,
    rows: np.ndarray,
    scaler: TargetScaler,
    strategy: Strategy,
    row: dict,
    *,
    with_loss: bool,
) -> dict[str, float]:
    """The errors on the validation set; training ends with an error where a number is not finite."""
    outputs = predict(model, batches.features, rows, strategy=strategy)
    predicted = scaler.inverse_transform(means(outputs, targets.shape))
    if not (np.isfinite(row["loss"]) and np.isfinite(predicted).all()):
        raise UserError(f"the loss is not a number after epoch {row['epoch']}; lower the learning rate")
    if not len(predicted):
        return {}
    errors = metrics.regression(targets[rows], predicted)
    found = {"validation_MAE": errors["MAE"], "validation_MSE": errors["MSE"]}
    if with_loss or batches.recipe.monitor == "loss":
        found["validation_loss"] = losses.mean_of(batches.recipe.loss, batches.targets[rows], outputs)
    return found


class _Checkpoints:
    """When and where the state of a run is saved."""

    def __init__(self, folder: Path | None, model: Any, recipe: Recipe, strategy: Strategy):
        self.folder = Path(folder) if folder else None
        self.path = self.folder / "checkpoint.npz" if self.folder else None
        self.variables = [*model.variables, *model.optimizer.variables]
        self.recipe, self.strategy = recipe, strategy
        self.pause = min(recipe.checkpoint_seconds, 5.0)
        self.saved = time.perf_counter()

    def restore(self, run: str) -> tuple[State, list | None]:
        """The state to begin or to resume with, and the best weights so far."""
        state, best_weights = State(run), None
        if self.folder and self.strategy.chief:
            sweep(self.folder)
        if self.path and self.path.exists():
            state, best_weights = restore_checkpoint(self.path, self.variables, run)
            if state.epoch > self.recipe.epochs:
                raise UserError(f"{self.path} is already past epoch {self.recipe.epochs}; delete it to start over")
        self.strategy.agree(state.epoch)
        if not self.strategy.chief:
            self.folder = self.path = None
        return state, best_weights

    def save_if_due(self, state: State, best_weights: list | None) -> None:
        if self.path and time.perf_counter() - self.saved > self.pause:
            began = time.perf_counter()
            save_checkpoint(self.path, self.variables, state, best_weights)
            self.saved = time.perf_counter()
            self.pause = min(self.recipe.checkpoint_seconds, 30 * (self.saved - began))

    def finish(self, state: State, best_weights: list | None) -> None:
        if self.path and self.folder:
            save_checkpoint(self.path, self.variables, state, best_weights)
            write_history(self.folder / "history.csv", state.history)


class _Followers:
    """Keras callbacks, called as by `Model.fit`, so that any of them works; a batch is here one microbatch."""

    def __init__(self, callbacks: Sequence[Any], model: Any, recipe: Recipe, updates: int):
        self.model, self.list = model, None
        if callbacks:
            from keras.callbacks import CallbackList

            model.stop_training = False
            self.list = CallbackList(list(callbacks), add_history=False, add_progbar=False, model=model)
            steps = updates * recipe.accumulation_steps
            self.list.set_params({"epochs": recipe.epochs, "steps": steps, "verbose": 0})
            self.list.on_train_begin()

    @property
    def called(self) -> bool:
        """Whether there are any."""
        return self.list is not None

    @property
    def stopped(self) -> bool:
        return self.list is not None and bool(self.model.stop_training)

    def begin(self, epoch: int) -> None:
        if self.list:
            self.list.on_epoch_begin(epoch)

    def begin_batch(self, step: int) -> None:
        if self.list:
            self.list.on_train_batch_begin(step)

    def end_batch(self, step: int, loss: float) -> None:
        if self.list:
            self.list.on_train_batch_end(step, {"loss": float(loss)})

    def end(self, epoch: int, row: dict) -> None:
        if self.list:
            values = {name.replace("validation_", "val_"): value for name, value in row.items() if name != "epoch"}
            self.list.on_epoch_end(epoch, values)

    def finish(self, state: State) -> None:
        if self.list:
            last = state.history[-1] if state.history else {}
            self.list.on_train_end({name.replace("validation_", "val_"): value for name, value in last.items()})


def means(outputs: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The outputs that stand for targets of this shape, (n,) or (n, m); scales may follow them."""
    return outputs[:, 0] if len(shape) == 1 else outputs[:, : shape[1]]


def predict(
    model: Any,
    features: Features,
    rows: np.ndarray,
    batch: int = 128,
    *,
    bar: bool = False,
    strategy: Strategy = PREDICTION,
) -> np.ndarray:
    """Outputs (len(rows), n) of the model, in float64, batch by batch."""
    starts = range(0, len(rows), batch)
    outputs = [
        np.asarray(strategy.outputs(model, features, rows[i : i + batch]), dtype=np.float64)
        for i in (progress(starts, desc="predicting", unit="batch") if bar else starts)
    ]
    return np.concatenate(outputs) if outputs else np.zeros((0, 1))


def _patience_over(state: State, recipe: Recipe) -> bool:
    return bool(recipe.patience) and state.best_epoch >= 0 and state.epoch - 1 - state.best_epoch >= recipe.patience


def _fingerprint(
    targets: np.ndarray, train_rows: np.ndarray, validation_rows: np.ndarray, recipe: Recipe, start: list
) -> str:
    """A hash of what may not change when a run resumes. More epochs are allowed, unless a schedule depends on them."""
    free = ("patience",) if recipe.schedule else ("epochs", "patience")
    numbers = {k: v for k, v in recipe.numerical_fields().items() if k not in free}
    sha = hashlib.sha256(json.dumps([*start, numbers], sort_keys=True).encode())
    for rows in (train_rows, validation_rows):
        sha.update(np.asarray(rows, dtype=np.int64).tobytes())
        sha.update(np.asarray(targets, dtype=np.float64)[rows].tobytes())
    return sha.hexdigest()[:16]
