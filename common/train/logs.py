"""Logs of a training for other tools, written by a Keras callback: CSV, TensorBoard, MLflow."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.io.files import write_text
from common.io.text import flat
from common.train.devices import quiet_backend

KINDS = ("csv", "tensorboard", "mlflow")
#: What to write for each kind.
FORMS = "csv:FILE, tensorboard:DIR, mlflow or mlflow:URI"


@dataclass(frozen=True)
class LogPlace:
    """A log as `--log` names it. place: a file, folder or URI; empty for the default server of MLflow."""

    kind: str
    place: str = ""

    @classmethod
    def parse(cls, text: str) -> LogPlace:
        kind, _, place = text.partition(":")
        if kind not in KINDS or (not place and kind != "mlflow"):
            raise UserError(f"{text!r} is not a log; write {FORMS}")
        return cls(kind, place)

    def check(self) -> None:
        """Import the package that the log needs, before the training starts."""
        if self.kind != "csv":
            _package(self.kind)

    def of_member(self, number: int) -> LogPlace:
        """The log of a member of an ensemble."""
        if self.kind == "csv":
            path = Path(self.place)
            return LogPlace(self.kind, str(path.with_name(f"{path.stem}-{number}{path.suffix}")))
        if self.kind == "tensorboard":
            return LogPlace(self.kind, str(Path(self.place, f"member-{number}")))
        return self

    def callback(self, name: str, settings: Mapping[str, Any]) -> Any:
        """The Keras callback that writes this log. name: of the run; settings: what the training depends on."""
        quiet_backend()
        from keras.callbacks import LambdaCallback

        kinds: dict[str, Any] = {"csv": CsvLog, "tensorboard": TensorBoardLog, "mlflow": MLflowLog}
        log = kinds[self.kind](self.place, name, settings)
        return LambdaCallback(on_train_begin=log.begin, on_epoch_end=log.epoch, on_train_end=log.end)


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UserError(f"--log {name} needs the package {name}; install it: python -m pip install {name}") from None


class CsvLog:
    """A row per epoch, written as it ends. A resumed training continues the file."""

    def __init__(self, place: str, name: str, settings: Mapping[str, Any]):
        self.path = Path(place)
        self.rows: list[dict[str, str]] | None = None

    def begin(self, logs: Mapping[str, float] | None = None) -> None:
        """The file is read at the first epoch, whose number says which rows remain."""

    def epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        if self.rows is None:
            self.rows = [row for row in self._found() if int(row["epoch"]) <= epoch] if epoch else []
        self.rows.append({"epoch": str(epoch + 1), **{key: f"{value:.9g}" for key, value in logs.items()}})
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())

    def end(self, logs: Mapping[str, float] | None = None) -> None:
        """Nothing is left open."""

    def _found(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        with open(self.path, newline="") as file:
            rows = list(csv.DictReader(file))
        if any(not str(row.get("epoch", "")).isdecimal() for row in rows):
            raise UserError(f"{self.path} is no log of a training (column epoch); choose another file for --log")
        return rows


class TensorBoardLog:
    """Event files with one scalar per value and epoch."""

    def __init__(self, place: str, name: str, settings: Mapping[str, Any]):
        self.folder = place
        self.writer: Any = None

    def begin(self, logs: Mapping[str, float] | None = None) -> None:
        _package("tensorboard")
        try:
            os.makedirs(self.folder, exist_ok=True)
            self.writer = import_module("tensorboard.summary").Writer(self.folder)
        except OSError as error:
            raise UserError(f"cannot write {self.folder}: {error.strerror}; choose another folder for --log") from None

    def epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        for key, value in logs.items():
            self.writer.add_scalar(key, float(value), epoch + 1)
        self.writer.flush()

    def end(self, logs: Mapping[str, float] | None = None) -> None:
        self.writer.close()


class MLflowLog:
    """A run with the settings as parameters and a metric per value and epoch. A resumed training is a new run."""

    def __init__(self, place: str, name: str, settings: Mapping[str, Any]):
        self.place, self.name, self.settings = place, name, settings

    def begin(self, logs: Mapping[str, float] | None = None) -> None:
        mlflow = _package("mlflow")
        try:
            if self.place:
                mlflow.set_tracking_uri(self.place)
            mlflow.start_run(run_name=self.name)
            mlflow.log_params(flat(self.settings))
        except Exception as error:  # of the server or the store, which has its own classes
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"--log mlflow: {reason}; check the address of the server") from None

    def epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        _package("mlflow").log_metrics({key: float(value) for key, value in logs.items()}, step=epoch + 1)

    def end(self, logs: Mapping[str, float] | None = None) -> None:
        _package("mlflow").end_run()
