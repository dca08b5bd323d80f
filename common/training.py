"""Training with checkpoints: a run killed at any moment and started again ends as if left alone.

The order of every epoch follows from the seed and the epoch number, and a checkpoint holds all variables
of model and optimiser, random states included, so nothing depends on when it was written.
"""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from common import losses, metrics
from common.devices import PRECISIONS
from common.distribution import ONE, OneDevice
from common.errors import UserError
from common.hdf5 import replacing, sweep, write_text
from common.progress import progress
from common.variants import as_settings

MONITORS = ("MAE", "MSE", "loss")
OPTIMIZERS = ("adam", "sgd", "adamw")
#: An improvement by less does not put off the fall of the learning rate; the value of Keras's ReduceLROnPlateau.
LEAST = 1e-4
#: Updates after which compiling, some seconds for every shape of batch, has paid.
XLA_PAYS = 500


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. The weights with the lowest `monitor` on the validation part are kept.

    monitor: MAE or MSE in the target's unit, or the "loss".
    parts: every batch is worked off in this many pieces whose gradients are summed, to save memory;
    the update is the same as that of the whole batch.
    patience: epochs without improvement after which training stops; 0 = never.
    checkpoint_seconds: the longest pause between checkpoints; small networks are kept more often, for at most
    3 % of the time.
    decay: the learning rate is multiplied by it after every epoch, or every update if `decay_every` says so.
    keep: the weights left at the end, those of the "best" epoch or of the "last".
    standardise: the loss sees targets less their mean, over their standard deviation, both of the training part.
    optimizer: "adam", "sgd" with momentum 0.9, or "adamw" with this `weight_decay`.
    clip: the longest gradient of a variable; longer ones are shortened; 0 = never.
    drop_at: the epoch after which the learning rate is a tenth; 0 = never.
    plateau: epochs without improvement, by 1e-4 or more, after which the learning rate is multiplied by
    `plateau_factor`; 0 = never.
    precision: of the arithmetic within layers, see `common.devices`; half precision is named where it is used.
    xla: let TensorFlow compile the network where a run is long enough for that to pay (JAX always does).
    """

    loss: str = "mse"
    learning_rate: float = 1e-3
    batch: int = 128
    epochs: int = 500
    parts: int = field(default=1, metadata={"numerical": False})
    monitor: str = "MAE"
    patience: int = 0
    checkpoint_seconds: float = field(default=60.0, metadata={"numerical": False})
    decay: float = field(default=1.0, metadata={"later": True})
    decay_every: str = field(default="epoch", metadata={"later": True})
    keep: str = field(default="best", metadata={"later": True})
    standardise: bool = field(default=False, metadata={"later": True})
    plateau: int = field(default=0, metadata={"later": True})
    plateau_factor: float = field(default=0.5, metadata={"later": True})
    xla: bool = field(default=False, metadata={"numerical": False})
    optimizer: str = field(default="adam", metadata={"later": True})
    weight_decay: float = field(default=0.0, metadata={"later": True})
    clip: float = field(default=0.0, metadata={"later": True})
    drop_at: int = field(default=0, metadata={"later": True})
    precision: str = field(default="float32", metadata={"later": True})

    def __post_init__(self):
        if self.monitor not in MONITORS:
            raise UserError(f"monitor {self.monitor!r} is unknown; choose one of {', '.join(MONITORS)}")
        if self.optimizer not in OPTIMIZERS:
            raise UserError(f"optimizer {self.optimizer!r} is unknown; choose one of {', '.join(OPTIMIZERS)}")
        if self.precision not in PRECISIONS:
            raise UserError(f"precision {self.precision!r} is unknown; choose one of {', '.join(PRECISIONS)}")
        if (self.plateau or self.drop_at) and self.decay_every == "update":
            raise UserError("a learning rate that falls every update cannot fall on plateaus too; choose one of them")

    def numbers(self) -> dict:
        """The fields that the result depends on; those that came later only where they differ from their default."""
        return {name: value for name, value in as_settings(self).items() if name not in self.manner()}

    def manner(self) -> dict:
        """The other fields: how fast the same result comes, and with how much memory."""
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.metadata.get("numerical", True)}


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


@dataclass
class State:
    """Where a run stands; everything but the arrays of the model. `run` tells other data and settings apart."""

    run: str = ""
    epoch: int = 0
    best: float = float("inf")
    best_epoch: int = -1
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)


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

    work: the devices, see `common.distribution`; the model must have been built in their scope, and so is this called.
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
            model.optimizer.learning_rate = _rate(recipe, state)
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
        score = _score(row, recipe)
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
        _write_history(Path(folder) / "history.csv", state.history)
    if best_weights is not None and recipe.keep == "best":
        model.set_weights(best_weights)
    return state


def make_optimizer(recipe: Recipe, rate, work: OneDevice = ONE):
    """The optimiser of a recipe, with a learning rate or a schedule of them."""
    from keras import optimizers

    options = {"clipnorm": recipe.clip or None}
    if recipe.parts > 1:
        options["gradient_accumulation_steps"] = recipe.parts
    if recipe.optimizer == "sgd":
        return work.optimizer(optimizers.SGD)(rate, momentum=0.9, **options)
    if recipe.optimizer == "adamw":
        return work.optimizer(optimizers.AdamW)(rate, weight_decay=recipe.weight_decay, **options)
    return work.optimizer(optimizers.Adam)(rate, **options)


def _score(row: dict, recipe: Recipe) -> float:
    """What an epoch is judged by; without a validation part its training loss."""
    return row.get(f"validation_{recipe.monitor}", row["loss"])


def _rate(recipe: Recipe, state: State) -> float:
    """The learning rate of the coming epoch. It follows from the history alone, so a run that goes on has it too."""
    rate = recipe.learning_rate * recipe.decay**state.epoch
    if recipe.drop_at and state.epoch >= recipe.drop_at:
        rate /= 10
    best, waited = float("inf"), 0
    for row in state.history if recipe.plateau else ():
        if _score(row, recipe) < best - LEAST:
            best, waited = _score(row, recipe), 0
        else:
            waited += 1
        if waited == recipe.plateau:
            rate, waited = rate * recipe.plateau_factor, 0
    return rate


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


def keep(path: Path, variables, state: State, best_weights) -> None:
    arrays = {f"v{i}": np.asarray(v) for i, v in enumerate(variables)}
    arrays |= {f"b{i}": w for i, w in enumerate(best_weights or [])}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, state=np.array(json.dumps(asdict(state))), **arrays)


def restore(path: Path, variables, run: str) -> tuple[State, list | None]:
    try:
        with np.load(path, allow_pickle=False) as data:
            state = State(**json.loads(str(data["state"])))
            if state.run not in ("", run):
                raise KeyError("other data, seed or settings")
            if f"v{len(variables)}" in data or any(data[f"v{i}"].shape != v.shape for i, v in enumerate(variables)):
                raise KeyError("other shapes")
            for i, variable in enumerate(variables):
                variable.assign(data[f"v{i}"])
            n_best = sum(name.startswith("b") for name in data.files)
            return state, [data[f"b{i}"] for i in range(n_best)] or None
    except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged or of another run ({error}); delete it to start afresh") from None


def _write_history(path: Path, history: list[dict]) -> None:
    if history:
        lines = [",".join(history[0])] + [",".join(f"{v:.6g}" for v in row.values()) for row in history]
        write_text(path, "\n".join(lines) + "\n")
