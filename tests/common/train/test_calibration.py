"""Trained models carry calibrated intervals, from rows that neither trained them nor stopped their training."""

import json

import numpy as np
import pytest

from common.data.splits import Split, by_fractions, with_calibration
from common.errors import UserError
from common.train.ensemble import Ensemble, load_model
from finder.cli import main
from finder.rescnn import ResCNN


@pytest.fixture(scope="module")
def table(mini):
    return mini.take(np.arange(0, 336, 3))


def test_the_calibration_set_is_taken_from_the_training_set(table):
    split = by_fractions(table, (8, 1, 1))
    moved = with_calibration(split, table, 0.1)
    assert len(moved.calibration) == round(0.1 * len(table))
    assert {*moved.calibration, *moved.train} == set(split.train)
    assert (moved.validation, moved.test) == (split.validation, split.test)
    moved.check()
    assert split.subsets() == Split(split.train, split.validation, split.test).subsets()
    with pytest.raises(UserError, match="a calibration set of 101"):
        with_calibration(split, table, 0.9)


def test_calibration_rows_do_not_change_the_training(table):
    split = with_calibration(by_fractions(table, (8, 1, 1)), table, 0.2)
    without = Split(split.train, split.validation, split.test)
    one, other = (ResCNN(epochs=1).fit(table, "band_gap", s, jobs=1) for s in (split, without))
    for a, b in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (one.conformal.source, one.conformal.n) == ("calibration", len(split.calibration))
    assert (other.conformal.source, other.conformal.n) == ("validation", len(split.validation))


@pytest.mark.slow
def test_predict_prints_the_interval_of_one_model_and_of_an_ensemble(tmp_path, capsys):
    for members in (1, 2):
        folder = tmp_path / f"model-{members}"
        train = [
            "train",
            "mini",
            "--target",
            "band_gap",
            "--network",
            "rescnn",
            "--epochs",
            "1",
            "--model",
            str(folder),
        ]
        assert main([*train, "--ensemble", str(members), "--calibration", "0.2"]) == 0
        capsys.readouterr()
        assert (
            main(["predict", "--model", str(folder), "SrTiO3", "NaCl", "--interval", "0.9", "--domain", "--json"]) == 0
        )
        out, err = capsys.readouterr()
        rows = json.loads(out)["predictions"]
        assert all(row["lower"] < row["value"] < row["upper"] for row in rows)
        assert {row["domain"] for row in rows} <= {"inside", "edge", "outside"}
        assert "guarantee" not in err
        model = load_model(folder, lambda name: ResCNN)
        assert model.conformal.source == "calibration"
        assert isinstance(model, Ensemble) == (members == 2)
    (tmp_path / "f.csv").write_text("formula\nSrTiO3\nNaCl\n")
    stream = ["predict", "--model", str(folder), str(tmp_path / "f.csv"), "--output", str(tmp_path / "o.csv")]
    assert main([*stream, "--interval", "0.8"]) == 0
    header = "id,formula,value,std,epistemic,aleatoric,lower,upper,unit,unseen_elements"
    assert (tmp_path / "o.csv").read_text().startswith(header)


def test_a_model_without_intervals_says_what_to_do(table, tmp_path, capsys):
    model = ResCNN(epochs=1, keep="last", patience=0).fit(table, "band_gap", Split(tuple(table.ids), (), ()))
    assert model.conformal is None
    model.save(tmp_path)
    assert main(["predict", "--model", str(tmp_path), "SrTiO3", "--interval", "0.9"]) == 2
    assert "train it with --calibration 0.1" in capsys.readouterr().err
