"""How a network is trained, as settings that a result can be stored with, and what follows from them alone."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any

from common.errors import UserError
from common.train.devices import PRECISIONS
from common.train.recipes.variants import as_settings, later
from common.train.strategy.base import SINGLE_DEVICE, Strategy

MONITORS = ("MAE", "MSE", "loss")
OPTIMIZERS = ("adam", "sgd", "adamw")
SCHEDULES = ("", "cosine")
#: What the recipes `fast` of all networks share.
COSINE = {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "cosine", "warmup": 3}
#: A smaller improvement does not count for the plateau; the value of Keras's ReduceLROnPlateau.
MIN_DELTA = 1e-4


def _is_number(value: Any, kind: type) -> bool:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole or (kind is float and isinstance(value, Real) and not isinstance(value, bool) and value == value)


def _runtime(default: Any) -> Any:
    """A field that changes speed or memory, not the result."""
    return field(default=default, metadata={"numerical": False})


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. The weights of the epoch with the lowest `monitor` on the validation set are restored.

    monitor: MAE or MSE in the unit of the target, or the "loss".
    accumulation_steps: microbatches whose gradients are summed to that of the batch, to save memory.
    patience: epochs without improvement after which training stops; 0 = never.
    checkpoint_seconds: the longest time between checkpoints; small networks are saved more often, for at most 3 % of
    the time.
    decay: factor of the learning rate after every epoch, or every update if `decay_every` says so.
    keep: the weights left at the end, those of the "best" epoch or of the "last".
    follow: the set of the split whose errors the history has, "validation" or "test"; the test set only where nothing
    is chosen by it, that is with `keep` "last" and neither patience nor plateau.
    standardize: the loss sees targets less their mean, divided by their standard deviation, both of the training set.
    optimizer: "adam", "sgd" with momentum 0.9, or "adamw" with this `weight_decay`; `epsilon` of Adam and AdamW.
    clip: the largest norm of the gradient of a variable; 0 = no limit.
    drop_at: the epoch after which the learning rate is a tenth; 0 = never.
    plateau: epochs without an improvement of 1e-4 after which the learning rate is multiplied by `plateau_factor`;
    0 = never.
    schedule: "cosine" = from 0 up to the learning rate in `warmup` epochs (at most half of all), then down to 0 at
    the last epoch.
    average: decay of an exponential moving average of the weights, with which epochs are judged and predictions are
    made; 0 = none.
    precision: of the arithmetic within layers, see `common.train.devices`.
    xla: compile the network with XLA where a run is long enough for that to pay (JAX always does).
    """

    loss: str = "mse"
    learning_rate: float = 1e-3
    batch: int = 128
    epochs: int = 500
    accumulation_steps: int = _runtime(1)
    monitor: str = "MAE"
    patience: int = 0
    checkpoint_seconds: float = _runtime(60.0)
    decay: float = later(1.0)
    decay_every: str = later("epoch")
    keep: str = later("best")
    follow: str = later("validation")
    standardize: bool = later(False, stored="standardise")
    plateau: int = later(0)
    plateau_factor: float = later(0.5)
    xla: bool = _runtime(False)
    optimizer: str = later("adam")
    weight_decay: float = later(0.0)
    clip: float = later(0.0)
    drop_at: int = later(0)
    precision: str = later("float32")
    epsilon: float = later(1e-7)
    schedule: str = later("")
    warmup: int = later(0)
    average: float = later(0.0)

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, kind = getattr(self, entry.name), type(entry.default)
            if kind in (int, float) and not _is_number(value, kind):
                raise UserError(f"{entry.name} is {value!r}; write {'a whole number' if kind is int else 'a number'}")
        for name, known in (
            ("monitor", MONITORS),
            ("optimizer", OPTIMIZERS),
            ("precision", PRECISIONS),
            ("schedule", SCHEDULES),
            ("keep", ("best", "last")),
            ("follow", ("validation", "test")),
        ):
            value = getattr(self, name)
            if value not in known:
                raise UserError(f"{name} {value!r} is unknown; choose one of {', '.join(filter(None, known))}")
        if self.follow == "test" and (self.keep != "last" or self.patience or self.plateau):
            raise UserError("the test set may be followed only where nothing is chosen by it: keep last, no patience")
        if self.learning_rate < 0:
            raise UserError(f"the learning rate is {self.learning_rate:g}; it must not be negative")
        if self.epochs < 1 or self.batch < 1:
            raise UserError(f"epochs ({self.epochs}) and batch ({self.batch}) must be 1 or more")
        if not 0 <= self.average < 1:
            raise UserError(f"average is {self.average:g}; the decay of a moving average lies between 0 and 1")
        if (self.plateau or self.drop_at) and self.decay_every == "update":
            raise UserError("a learning rate that decays every update cannot fall on plateaus too; choose one of them")
        if self.schedule and (self.plateau or self.drop_at or self.decay != 1):
            raise UserError(f"the schedule {self.schedule!r} sets the learning rate; leave out plateau, drop_at, decay")
        if self.warmup < 0:
            raise UserError(f"warmup is {self.warmup} epochs; it must be 0 or more")

    def numerical_fields(self) -> dict[str, Any]:
        """The fields that the result depends on, as they are stored."""
        return {name: value for name, value in as_settings(self).items() if name not in self.runtime_fields()}

    def runtime_fields(self) -> dict[str, Any]:
        """The other fields: they change speed and memory."""
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.metadata.get("numerical", True)}


def make_optimizer(recipe: Recipe, rate: Any, strategy: Strategy = SINGLE_DEVICE) -> Any:
    """The optimizer of a recipe, with a learning rate or a schedule."""
    from keras import backend, optimizers

    options: dict[str, Any] = {"clipnorm": recipe.clip or None}
    if recipe.accumulation_steps > 1:
        options["gradient_accumulation_steps"] = recipe.accumulation_steps
    if recipe.average:
        options |= {"use_ema": True, "ema_momentum": recipe.average}
    if recipe.optimizer == "sgd":
        return strategy.optimizer(optimizers.SGD)(rate, momentum=0.9, **options)
    options["epsilon"] = recipe.epsilon
    if backend.backend() == "tensorflow":
        from common.nn.adam import FusedAdam

        decay = recipe.weight_decay if recipe.optimizer == "adamw" else 0.0
        return strategy.optimizer(FusedAdam)(rate, decay=decay, **options)
    if recipe.optimizer == "adamw":
        return strategy.optimizer(optimizers.AdamW)(rate, weight_decay=recipe.weight_decay, **options)
    return strategy.optimizer(optimizers.Adam)(rate, **options)


def learning_rate(recipe: Recipe, updates: int) -> Any:
    """The learning rate with which an optimizer starts, or its schedule; `updates`: per epoch."""
    schedule = _schedule(recipe, updates)
    if schedule is None:
        return recipe.learning_rate
    if recipe.accumulation_steps == 1:
        return schedule
    from common.nn.schedules import PerUpdate

    return PerUpdate(schedule, recipe.accumulation_steps)


def _schedule(recipe: Recipe, updates: int) -> Any:
    """The learning rate after a number of updates; None where it does not follow from that alone."""
    from keras.optimizers import schedules

    if recipe.schedule:
        # Of a short run at most every other epoch warms up.
        warmup = min(recipe.warmup, recipe.epochs // 2) * updates
        rest = recipe.epochs * updates - warmup
        if not warmup:
            return schedules.CosineDecay(recipe.learning_rate, rest)
        return schedules.CosineDecay(0.0, rest, warmup_target=recipe.learning_rate, warmup_steps=warmup)
    if recipe.decay_every == "update":
        return schedules.ExponentialDecay(recipe.learning_rate, decay_steps=1, decay_rate=recipe.decay)
    return None


def score_of(row: dict, recipe: Recipe) -> float:
    """The value by which an epoch is judged; without a validation set its training loss."""
    return row.get(f"validation_{recipe.monitor}", row["loss"])


def changes_by_epoch(recipe: Recipe) -> bool:
    """Whether the learning rate changes every epoch."""
    return bool(recipe.plateau or recipe.drop_at or (recipe.decay != 1 and recipe.decay_every == "epoch"))


def rate_of(recipe: Recipe, epoch: int, history: list[dict]) -> float:
    """The learning rate of an epoch. It follows from the history alone, so that a resumed run has the same."""
    rate = recipe.learning_rate * recipe.decay**epoch
    if recipe.drop_at and epoch >= recipe.drop_at:
        rate /= 10
    best, waited = float("inf"), 0
    for row in history if recipe.plateau else ():
        if score_of(row, recipe) < best - MIN_DELTA:
            best, waited = score_of(row, recipe), 0
        else:
            waited += 1
        if waited == recipe.plateau:
            rate, waited = rate * recipe.plateau_factor, 0
    return rate
