"""Predictions by id, the only thing from which metrics and tables are computed."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common import metrics
from common.errors import UserError
from common.hdf5 import replacing


@dataclass(frozen=True)
class Predictions:
    """Ids, predicted means (n,), the targets where known, and standard deviations where the model has them."""

    ids: np.ndarray
    prediction: np.ndarray
    target: np.ndarray | None = None
    std: np.ndarray | None = None
    unit: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    def metrics(self) -> dict[str, float]:
        if self.target is None:
            raise UserError("these predictions carry no targets, so no error can be computed")
        return metrics.regression(self.target, self.prediction)

    def _columns(self) -> dict[str, np.ndarray]:
        columns = {"target": self.target, "prediction": self.prediction, "std": self.std}
        return {name: values for name, values in columns.items() if values is not None}

    def save(self, path: str | Path) -> None:
        """Write CSV (gzip where the name ends in .gz). Equal predictions give equal bytes."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = self._columns()
        writer.writerow(["id", *columns])
        # Nine digits hold a float32 exactly.
        for name, *row in zip(self.ids, *columns.values(), strict=True):
            writer.writerow([name, *(f"{value:.9g}" for value in row)])
        data = text.getvalue().encode()
        with replacing(path) as temporary:
            temporary.write_bytes(gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)

    @classmethod
    def load(cls, path: str | Path, unit: str = "") -> Predictions:
        opener = gzip.open if str(path).endswith(".gz") else open
        try:
            with opener(path, "rt", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
            raise UserError(f"{path} cannot be read as predictions: {error}") from None
        if not rows or "id" not in rows[0] or "prediction" not in rows[0]:
            raise UserError(f"{path} holds no predictions (columns id and prediction)")

        def column(name: str) -> np.ndarray | None:
            try:
                return np.array([float(row[name]) for row in rows]) if name in rows[0] else None
            except (TypeError, ValueError):
                raise UserError(f"{path}: a value of column {name!r} is not a number") from None

        return cls(np.array([row["id"] for row in rows]), column("prediction"), column("target"), column("std"), unit)
