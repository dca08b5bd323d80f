"""Predictions by id: all metrics and tables are computed from them."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from common.data import metrics
from common.errors import UserError
from common.io.compressed import DAMAGE, open_text
from common.io.files import replacing

if TYPE_CHECKING:
    from pandas import DataFrame

UNCERTAINTIES = ("std", "epistemic", "aleatoric", "lower", "upper")
#: Columns of a data frame or a CSV file that name the materials.
ID_NAMES = ("id", "material_id", "mp_id", "jid", "name", "material")


def numbered(names: Iterable[str]) -> Iterator[str]:
    """The names, those that occur again with a number: "a", "b", "a #2"."""
    taken: dict[str, int] = {}
    for name in names:
        taken[name] = taken.get(name, 0) + 1
        yield name if taken[name] == 1 else f"{name} #{taken[name]}"


def names_of_rows(frame: DataFrame) -> list[str]:
    """The ids that the rows of a data frame get as materials: those of a column for them, else its index."""
    columns = {str(name).lower(): name for name in frame.columns}
    named = next((columns[name] for name in ID_NAMES if name in columns), None)
    return list(numbered(map(str, frame.index if named is None else frame[named])))


@dataclass(frozen=True, eq=False)
class Predictions(NDArrayOperatorsMixin):
    """Ids, predicted means (n,) or curves (n, m), the targets where known, and standard deviations where the model
    has them; `lower` and `upper` bound the interval that was asked for, `domain` is the class of
    each material, see `common.data.domain`.

    An ensemble tells apart what its members disagree about (`epistemic`, which more data would reduce) and what each of
    them is unsure of (`aleatoric`); the squares of the two add up to that of `std`.
    """

    ids: np.ndarray
    prediction: np.ndarray
    target: np.ndarray | None = None
    std: np.ndarray | None = None
    unit: str = ""
    epistemic: np.ndarray | None = None
    aleatoric: np.ndarray | None = None
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    domain: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    # --- the predicted means as an array, for NumPy and scikit-learn ---

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.prediction, dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        arrays = (one.prediction if isinstance(one, Predictions) else one for one in inputs)
        return getattr(ufunc, method)(*arrays, **options)

    # Equal are two only if they are one and the same, so that they can be looked for in lists.
    __eq__, __ne__, __hash__ = object.__eq__, object.__ne__, object.__hash__

    def __getitem__(self, rows: Any) -> Any:
        return self.prediction[rows]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.prediction.shape

    @property
    def ndim(self) -> int:
        return self.prediction.ndim

    @property
    def dtype(self) -> np.dtype:
        return self.prediction.dtype

    def reshape(self, *shape: Any) -> np.ndarray:
        return self.prediction.reshape(*shape)

    # --- parts, errors and tables ---

    def take(self, rows: np.ndarray) -> Predictions:
        """The rows with these numbers, in this order."""
        arrays = {name: values for name, values in vars(self).items() if isinstance(values, np.ndarray)}
        return replace(self, **{name: values[rows] for name, values in arrays.items()})

    def metrics(self) -> dict[str, float]:
        if self.target is None:
            raise UserError("these predictions carry no targets, so no error can be computed")
        return metrics.regression(self.target, self.prediction)

    def uncertainties(self) -> dict[str, np.ndarray]:
        """The standard deviations and bounds that are there, by name."""
        found = {name: getattr(self, name) for name in UNCERTAINTIES}
        return {name: values for name, values in found.items() if values is not None}

    def to_frame(self, like: DataFrame | None = None) -> DataFrame:
        """A pandas table with the id as index, and the unit in a column of its own.

        like: the table that was predicted, whose rows and index the result then has; rows that could not be predicted
        are empty. Of a table in which the ids do not occur, each row has one prediction.
        """
        from pandas import DataFrame, Index

        frame = DataFrame(self.to_columns(), index=Index(self.ids, name="id"))
        if self.domain is not None:
            frame["domain"] = self.domain
        frame["unit"] = self.unit
        if like is not None:
            if set(self.ids) <= set(names := names_of_rows(like)):
                frame = frame.reindex(names)
            elif len(frame) != len(like):
                raise UserError(
                    f"{len(frame)} predictions do not belong to a table of {len(like)} rows, which has no {self.ids[0]}"
                )
            frame.index = like.index
        return frame

    def to_columns(self) -> dict[str, np.ndarray]:
        """Target, prediction, standard deviations and bounds, where there are any; a curve has a column per point."""
        target = {} if self.target is None else {"target": self.target}
        return columns_of({**target, "prediction": self.prediction, **self.uncertainties()})

    def save(self, path: str | Path) -> None:
        """Write CSV (gzip where the name ends in .gz), with neither unit nor domain, which `to_frame` has.

        Equal predictions give equal bytes.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = self.to_columns()
        writer.writerow(["id", *columns])
        # Nine digits hold a float32 exactly.
        for name, *row in zip(self.ids, *columns.values(), strict=True):
            writer.writerow([name, *(f"{value:.9g}" for value in row)])
        data = text.getvalue().encode()
        with replacing(path) as temporary:
            temporary.write_bytes(gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)

    @classmethod
    def load(cls, path: str | Path, unit: str = "") -> Predictions:
        try:
            with open_text(path) as file:
                header, *rows = [row for row in csv.reader(file) if row] or [[]]
        except (*DAMAGE, UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"{path} cannot be read as predictions: {error}") from None
        # By columns, which is several times as fast as a dictionary a row; what a short row lacks is no number.
        texts = {name: cells for name, *cells in zip_longest(header, *rows, fillvalue="")} if rows else {}
        if "id" not in texts or not {"prediction", "prediction[0]"} & set(texts):
            raise UserError(f"{path} holds no predictions (columns id and prediction)")

        def column(name: str) -> np.ndarray | None:
            try:
                if f"{name}[0]" in texts:
                    return np.array([list(map(float, texts[key])) for key in texts if key.startswith(f"{name}[")]).T
                return np.array(list(map(float, texts[name]))) if name in texts else None
            except ValueError:
                raise UserError(f"{path}: a value of column {name!r} is not a number") from None

        prediction = column("prediction")
        assert prediction is not None  # one of its columns is there
        bad = np.flatnonzero(~np.isfinite(prediction.reshape(len(prediction), -1)).all(axis=1))
        if len(bad):
            raise UserError(
                f"{path}: the prediction for {texts['id'][bad[0]]} is not a finite number; predict it again"
            )
        values = {name: column(name) for name in ("target", *UNCERTAINTIES)}
        return cls(np.array(texts["id"]), prediction, unit=unit, **values)


def together(predicted: list[Predictions]) -> Predictions:
    """Several test sets as one; an id may occur in more than one of them."""
    names = ["prediction", *(name for name in ("target", "std") if getattr(predicted[0], name) is not None)]
    fields = {name: np.concatenate([getattr(p, name) for p in predicted]) for name in names}
    return Predictions(np.concatenate([p.ids for p in predicted]), unit=predicted[0].unit, **fields)


def columns_of(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Name -> values (n,); point k of a curve has the column `name[k]`."""
    columns: dict[str, np.ndarray] = {}
    for name, values in fields.items():
        curve = values.ndim == 2
        columns |= {f"{name}[{k}]": values[:, k] for k in range(values.shape[1])} if curve else {name: values}
    return columns
