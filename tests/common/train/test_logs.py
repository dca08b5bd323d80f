"""Logs of a training for other tools, and Keras callbacks in the training loop."""

import csv
import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from common.data.splits import by_fractions
from common.errors import UserError
from common.train import logs
from common.train.logs import LogPlace
from finder.rescnn import ResCNN

SETTINGS = {"model": "rescnn", "recipe": {"epochs": 2}}


@pytest.fixture(scope="module")
def table(mini):
    return mini.take(np.arange(0, 336, 8))


def fit(table, callbacks, epochs=2, **options):
    model = ResCNN(epochs=epochs, batch=16, checkpoint_seconds=1e9)
    return model.fit(table, "formation_energy", by_fractions(table), callbacks=callbacks, **options)


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_keras_callbacks_are_called_as_by_fit(table, tmp_path):
    from keras.callbacks import CSVLogger, EarlyStopping, LambdaCallback, TerminateOnNaN

    seen = []
    watch = LambdaCallback(
        on_train_begin=lambda logs: seen.append("begin"),
        on_epoch_begin=lambda epoch, logs: seen.append(epoch),
        on_train_batch_end=lambda batch, logs: seen.append(("batch", batch, logs["loss"] > 0)),
        on_train_end=lambda logs: seen.append("end"),
    )
    stop = EarlyStopping(min_delta=1e9, patience=1)  # of val_loss
    model = fit(table, [CSVLogger(str(tmp_path / "log.csv")), watch, stop, TerminateOnNaN()], epochs=9)
    rows = rows_of(tmp_path / "log.csv")
    assert model.state.epoch == len(rows) == 2  # which EarlyStopping ended
    assert [float(row["val_MAE"]) for row in rows] == pytest.approx(
        [row["validation_MAE"] for row in model.state.history]
    )
    assert seen[:4] == ["begin", 0, ("batch", 0, True), ("batch", 1, True)] and seen[-1] == "end"
    assert watch.params["epochs"] == 9 and watch.params["steps"] == 2


@pytest.mark.slow
def test_callbacks_do_not_change_the_result(table):
    from keras.callbacks import LambdaCallback

    one, other = fit(table, []), fit(table, [LambdaCallback()])
    assert [row["loss"] for row in one.state.history] == [row["loss"] for row in other.state.history]


@pytest.mark.slow
def test_a_csv_log_continues_when_the_training_resumes(table, tmp_path):
    path, log = tmp_path / "deep" / "log.csv", LogPlace.parse(f"csv:{tmp_path}/deep/log.csv")
    fit(table, [log.callback("m", SETTINGS)], folder=tmp_path / "run")
    fit(table, [log.callback("m", SETTINGS)], epochs=3, folder=tmp_path / "run")
    rows = rows_of(path)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert set(rows[0]) == {"epoch", "loss", "val_MAE", "val_MSE", "val_loss"}
    fit(table, [log.callback("m", SETTINGS)], epochs=1)
    assert len(rows_of(path)) == 1
    path.write_text("formula,gap\nSi,1.1\n")
    with pytest.raises(UserError, match="is no log of a training"):
        logs.CsvLog(str(path), "m", SETTINGS).epoch(1, {"loss": 1.0})


@pytest.mark.parametrize("text", ["csv", "csv:", "wandb:x", "tensorboard", ""])
def test_other_places_are_refused(text):
    with pytest.raises(UserError, match="is not a log; write csv:FILE, tensorboard:DIR, mlflow or mlflow:URI"):
        LogPlace.parse(text)


@pytest.mark.parametrize("kind", ["tensorboard:logs", "mlflow"])
def test_a_package_that_is_absent_is_named(kind, monkeypatch):
    name = kind.partition(":")[0]
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=f"--log {name} needs the package {name}; install it"):
        LogPlace.parse(kind).check()


def test_members_log_apart():
    assert LogPlace("csv", "a/log.csv").of_member(2).place == "a/log-2.csv"
    assert LogPlace("tensorboard", "logs").of_member(0).place == "logs/member-0"
    assert LogPlace("mlflow", "http://x").of_member(1) == LogPlace("mlflow", "http://x")


def test_mlflow_receives_settings_and_metrics(table, monkeypatch):
    calls = []

    def recorder(name):
        return lambda *arguments, **options: calls.append((name, arguments, options))

    names = ("set_tracking_uri", "start_run", "log_params", "log_metrics", "end_run")
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(**{name: recorder(name) for name in names}))
    log = LogPlace.parse("mlflow:http://localhost:5000")
    log.check()
    fit(table, [log.callback("gap_model", SETTINGS)])
    assert [name for name, *_ in calls] == [*names[:3], "log_metrics", "log_metrics", "end_run"]
    assert calls[0][1] == ("http://localhost:5000",) and calls[1][2] == {"run_name": "gap_model"}
    assert calls[2][1] == ({"model": "rescnn", "epochs": 2},)
    assert set(calls[3][1][0]) == {"loss", "val_MAE", "val_MSE", "val_loss"} and [
        calls[k][2]["step"] for k in (3, 4)
    ] == [1, 2]


def test_a_server_that_cannot_be_reached_is_one_line(monkeypatch):
    def fail(**_):
        raise RuntimeError("connection refused\nmore")

    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(start_run=fail))
    with pytest.raises(UserError, match="--log mlflow: connection refused; check the address"):
        logs.MLflowLog("", "m", SETTINGS).begin()


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_event_files_are_read_back(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = logs.TensorBoardLog(str(tmp_path / "logs"), "m", SETTINGS)
    log.begin()
    for epoch in range(3):
        log.epoch(epoch, {"loss": 1.0 / (epoch + 1), "val_MAE": 0.5})
    log.end()
    events = EventAccumulator(str(tmp_path / "logs"), size_guidance={"tensors": 0})
    events.Reload()
    found = events.Tensors("loss")
    assert [event.step for event in found] == [1, 2, 3]
    assert [event.tensor_proto.float_val[0] for event in found] == pytest.approx([1.0, 1 / 2, 1 / 3])
