"""How a network is trained, as settings that a result can be stored with, and what follows from them alone."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from common.errors import UserError
from common.train.devices import PRECISIONS
from common.train.strategy.base import ONE, OneDevice
from common.train.variants import as_settings

MONITORS = ("MAE", "MSE", "loss")
OPTIMIZERS = ("adam", "sgd", "adamw")
#: An improvement by less does not put off the fall of the learning rate; the value of Keras's ReduceLROnPlateau.
LEAST = 1e-4


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
    precision: of the arithmetic within layers, see `common.train.devices`; half precision is named where it is used.
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


def score_of(row: dict, recipe: Recipe) -> float:
    """What an epoch is judged by; without a validation part its training loss."""
    return row.get(f"validation_{recipe.monitor}", row["loss"])


def rate_of(recipe: Recipe, epoch: int, history: list[dict]) -> float:
    """The learning rate after so many epochs. It follows from the history alone, so a run that goes on has it too."""
    rate = recipe.learning_rate * recipe.decay**epoch
    if recipe.drop_at and epoch >= recipe.drop_at:
        rate /= 10
    best, waited = float("inf"), 0
    for row in history if recipe.plateau else ():
        if score_of(row, recipe) < best - LEAST:
            best, waited = score_of(row, recipe), 0
        else:
            waited += 1
        if waited == recipe.plateau:
            rate, waited = rate * recipe.plateau_factor, 0
    return rate
