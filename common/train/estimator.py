"""What scikit-learn asks of an estimator, so that `clone`, cross-validation, grid searches and pipelines work."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from common.data.materials import MaterialsDataset
from common.data.splits import Split, by_fractions
from common.errors import UserError
from common.sources.inputs import labeled
from common.train.finetune import Start

if TYPE_CHECKING:
    from sklearn.utils import Tags

#: Share of the materials of `fit(X, y)` that chooses the epoch and calibrates the intervals.
VALIDATION = 0.1
#: Name of the target of `fit(X, y)`.
TARGET = "y"


class Estimator:
    """Parameters are the arguments of the constructor: the variant, and every setting of network and recipe."""

    model: Any
    config: Any
    seed: int
    start: Start | None = None
    _arguments: dict[str, Any]

    def __new__(cls, variant: str = "corrected", **arguments: Any) -> Self:
        instance = super().__new__(cls)
        instance._arguments = {"variant": variant, **arguments}
        return instance

    def __repr__(self) -> str:
        given = {name: value for name, value in self._arguments.items() if (name, value) != ("variant", "corrected")}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments that were given; all others have their defaults."""
        return dict(self._arguments)

    def set_params(self, **params: Any) -> Self:
        """Change arguments, which leaves the model untrained."""
        self._arguments = {**self._arguments, **params}
        start = self.start
        self.__init__(**self._arguments)  # type: ignore[misc]
        if start:
            self.begin_from(start)
        return self

    def __sklearn_clone__(self) -> Self:
        made = type(self)(**deepcopy(self._arguments))
        if self.start:
            made.begin_from(self.start)
        return made

    def begin_from(self, start: Start) -> None:
        """Let `fit` start from these weights."""
        self.start, self.config = start, start.content().config

    def score(self, X: Any, y: Any) -> float:
        """The coefficient of determination, R2."""
        predicted, true = np.asarray(self.predict(X)), np.asarray(y, dtype=float)  # type: ignore[attr-defined]
        if predicted.shape != true.shape:
            raise UserError(f"{len(true) - len(predicted)} of {len(true)} materials cannot be predicted")
        return float(1 - ((true - predicted) ** 2).sum() / ((true - true.mean()) ** 2).sum())

    def __sklearn_is_fitted__(self) -> bool:
        return self.model is not None

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
        )


def dataset_and_split(X: Any, y: Any, seed: int) -> tuple[MaterialsDataset, Split]:
    """The dataset of `fit(X, y)`, and a split that holds out 10 % for validation."""
    table = labeled(X, y, TARGET)
    if len(table) < 2:
        raise UserError("fit needs at least two materials, one of them to choose the epoch")
    share = max(VALIDATION, 1 / len(table))
    return table, by_fractions(table, (1 - share, share, 0), seed)
