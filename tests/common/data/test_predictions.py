"""Predictions go to CSV and come back with the same numbers; damaged files are named."""

import csv
import gzip

import numpy as np
import pandas as pd
import pytest

from common.data.predictions import Predictions
from common.errors import UserError


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(3, 50)) * 10.0 ** rng.integers(-9, 9, 50)).astype(np.float32)
    ids = np.array([f"mp-{i}" for i in range(48)] + ['a "quoted", id', "α"])
    return Predictions(ids, values[0], values[1], np.abs(values[2]), unit="eV")


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz"])
def test_round_trip_is_exact_for_float32(predictions, tmp_path, name):
    predictions.save(tmp_path / name)
    back = Predictions.load(tmp_path / name, unit="eV")
    assert back.ids.tolist() == predictions.ids.tolist() and back.unit == "eV" and len(back) == 50
    for field in ("prediction", "target", "std"):
        assert np.array_equal(getattr(back, field).astype(np.float32), getattr(predictions, field))
    assert back.metrics() == pytest.approx(predictions.metrics(), rel=1e-8)


def test_equal_predictions_give_equal_bytes_and_standard_columns(predictions, tmp_path):
    for name in ("one.csv.gz", "other.csv.gz"):
        predictions.save(tmp_path / name)
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "other.csv.gz").read_bytes()
    header = gzip.decompress((tmp_path / "one.csv.gz").read_bytes()).decode().splitlines()[0]
    assert header == "id,target,prediction,std"


def test_without_targets_no_error_can_be_computed(predictions, tmp_path):
    Predictions(predictions.ids, predictions.prediction).save(tmp_path / "p.csv")
    back = Predictions.load(tmp_path / "p.csv")
    assert back.target is None and back.std is None
    with pytest.raises(UserError, match="carry no targets"):
        back.metrics()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no predictions"),
        ("id,value\na,1\n", "holds no predictions"),
        ("id,prediction\n", "holds no predictions"),
        ("id,prediction\na,high\n", "column 'prediction' is not a number"),
        ("id,target,prediction\na,1,2\nb,1\n", "column 'prediction' is not a number"),
        ('id,prediction\n"a,1\n', "column 'prediction' is not a number"),
    ],
)
def test_what_holds_no_predictions_is_named(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(UserError, match=rf"p\.csv.*{message}"):
        Predictions.load(tmp_path / "p.csv")


def test_what_the_csv_reader_refuses_is_named(tmp_path):
    (tmp_path / "p.csv").write_text("id,prediction\n" + "a" * 2000 + ",1\n")
    before = csv.field_size_limit(1000)
    try:
        with pytest.raises(UserError, match=r"p\.csv cannot be read as predictions: field larger than"):
            Predictions.load(tmp_path / "p.csv")
    finally:
        csv.field_size_limit(before)


def test_damaged_archives_are_named(predictions, tmp_path):
    path = tmp_path / "p.csv.gz"
    predictions.save(path)
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 0xFF
    for damaged in (b"", data[:5], data[: len(data) // 2], data[:-1], bytes(flipped), b"id,prediction\na,1\n"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"p\.csv\.gz"):
            Predictions.load(path)
    with pytest.raises(UserError, match=r"none\.csv cannot be read"):
        Predictions.load(tmp_path / "none.csv")


def test_a_full_disk_leaves_the_old_file(predictions, tmp_path, disk_of):
    predictions.save(tmp_path / "p.csv.gz")
    old = (tmp_path / "p.csv.gz").read_bytes()
    with disk_of(len(old) // 2), pytest.raises(UserError, match=r"cannot write .*p\.csv\.gz"):
        predictions.save(tmp_path / "p.csv.gz")
    assert [p.name for p in tmp_path.iterdir()] == ["p.csv.gz"] and (tmp_path / "p.csv.gz").read_bytes() == old


def test_predictions_are_an_array_of_their_means():
    predicted = Predictions(np.array(["a", "b"]), np.array([1.0, 3.0]), unit="eV")
    assert (predicted - 1).tolist() == [0.0, 2.0] and (2 * predicted).tolist() == [2.0, 6.0]
    assert (np.array([1.0, 1.0]) + predicted).tolist() == [2.0, 4.0] and np.sqrt(predicted)[0] == 1.0
    assert predicted[1] == 3.0 and predicted[predicted > 2].tolist() == [3.0]
    assert (predicted.ndim, predicted.shape, predicted.dtype) == (1, (2,), np.float64)
    assert predicted in [None, predicted] and predicted != 1 and None not in [predicted]
    assert predicted.reshape(-1, 1).shape == (2, 1) and float(np.mean(predicted)) == 2.0


def test_frames_like_the_one_that_was_predicted():
    """The rows and the index of the table, whatever could be predicted and whichever column names the materials."""
    table = pd.DataFrame({"formula": ["NaCl", "Xx", "KCl"]}, index=[10, 20, 30])
    predicted = Predictions(np.array(["10", "30"]), np.array([5.0, 4.0]), unit="eV")
    frame = table.join(predicted.to_frame(like=table))
    assert frame["prediction"].tolist()[::2] == [5.0, 4.0] and np.isnan(frame["prediction"][20])
    assert frame["unit"][10] == "eV"
    named = pd.DataFrame({"id": [7, 7], "formula": ["NaCl", "KCl"]})
    predicted = Predictions(np.array(["7", "7 #2"]), np.array([5.0, 4.0]))
    assert predicted.to_frame(like=named)["prediction"].tolist() == [5.0, 4.0]


def test_a_frame_without_the_ids_has_its_predictions_in_order():
    predicted = Predictions(np.array(["NaCl", "KCl"]), np.array([5.0, 4.0]))
    frame = predicted.to_frame(like=pd.DataFrame({"x": [1, 2]}, index=["a", "b"]))
    assert frame.index.tolist() == ["a", "b"] and frame["prediction"].tolist() == [5.0, 4.0]
    with pytest.raises(UserError, match="2 predictions do not belong to a table of 3 rows"):
        predicted.to_frame(like=pd.DataFrame({"x": [1, 2, 3]}))
