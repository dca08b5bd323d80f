"""A learning-rate schedule that counts updates where Keras counts microbatches."""

from __future__ import annotations

from typing import Any

from keras import ops
from keras.optimizers import schedules


class PerUpdate(schedules.LearningRateSchedule):
    """`schedule` of the number of updates. Keras asks for the rate of a microbatch, of which an update has `parts`."""

    def __init__(self, schedule: Any, parts: int):
        super().__init__()
        self.schedule, self.parts = schedule, parts

    def __call__(self, step: Any) -> Any:
        return self.schedule(ops.floor_divide(step, self.parts))

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self.schedule, "parts": self.parts}
