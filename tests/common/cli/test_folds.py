"""`train --folds`, `--from` and `evaluate --plots` with a small network."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from common.cli import folds
from common.data.metrics import regression
from common.data.predictions import Predictions
from common.data.splits import Split, k_folds
from common.errors import UserError
from common.train.ensemble import Ensemble
from finder.cli import main
from finder.rescnn import ResCNN

SMALL = ["--target", "formation_energy", "--network", "rescnn", "--epochs", "2", "--batch", "16"]


@pytest.fixture(scope="module")
def data(mini, tmp_path_factory):
    """40 materials with a column of folds, as CSV."""
    path = tmp_path_factory.mktemp("data") / "data.csv"
    table = mini.take(np.arange(0, 320, 8))
    values = table.target("formation_energy").values
    lines = [f"{k},{formula},{values[k]:.6g},{k % 2}" for k, formula in enumerate(table.formulas.tolist())]
    path.write_text("\n".join(["id,formula,formation_energy (eV/atom),fold", *lines]) + "\n")
    return path


def train(data, folder, *options) -> int:
    return main(["train", str(data), *SMALL, "--model", str(folder), *options])


@pytest.fixture(scope="module")
def crossed(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "crossed"
    assert train(data, folder, "--folds", "2", "--group-by-formula", "--log", f"csv:{folder.parent}/log.csv") == 0
    return folder


@pytest.fixture(scope="module")
def single(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "single"
    assert train(data, folder) == 0
    return folder


# --- cross-validation --------------------------------------------------------------------------------


def test_every_material_is_predicted_by_a_model_that_was_not_trained_on_it(crossed, data):
    rows = list(csv.DictReader((crossed / "predictions.csv").read_text().splitlines()))
    assert sorted(int(row["id"]) for row in rows) == list(range(40))
    for number in (1, 2):
        split = Split.load(crossed / f"member-{number - 1}" / "split.json")
        ids = {row["id"] for row in rows if row["fold"] == str(number)}
        assert ids == set(split.test) and not ids & {*split.train, *split.validation} and split.validation
    formulas = dict(line.split(",")[:2] for line in data.read_text().splitlines()[1:])
    by_fold = [{formulas[row["id"]] for row in rows if row["fold"] == number} for number in ("1", "2")]
    assert not by_fold[0] & by_fold[1]
    assert sorted(path.name for path in (crossed / "plots").iterdir()) == [
        "calibration.png",
        "learning-curve.png",
        "parity.png",
        "residuals.png",
    ]
    assert {path.name for path in crossed.parent.glob("log*.csv")} == {"log-0.csv", "log-1.csv"}


def test_a_repeated_command_trains_nothing_and_prints_the_errors(crossed, data, capsys, monkeypatch):
    monkeypatch.setattr(ResCNN, "fit", lambda *_, **__: pytest.fail("it trained"))
    assert train(data, crossed, "--folds", "2", "--group-by-formula", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    rows = list(csv.DictReader((crossed / "predictions.csv").read_text().splitlines()))
    values = [[float(row[name]) for row in rows] for name in ("target", "prediction")]
    errors = regression(*map(np.array, values))
    assert set(found["errors"]) == {"fold 1", "fold 2", "all"} and found["folds"] == 2
    assert found["errors"]["all"]["MAE"] == pytest.approx(errors["MAE"], rel=1e-6)
    assert found["errors"]["all"]["RMSE"] == pytest.approx(errors["RMSE"], rel=1e-6)
    each = [found["errors"][f"fold {k}"]["MAE"] for k in (1, 2)]
    assert found["mean"]["MAE"] == pytest.approx(np.mean(each))
    assert found["std"]["MAE"] == pytest.approx(np.std(each, ddof=1))
    assert train(data, crossed, "--folds", "2", "--group-by-formula") == 0
    assert "mean ± standard deviation over 2 folds" in capsys.readouterr().out


def test_printed_errors_are_those_of_values_with_limits(crossed, data, tmp_path, capsys, monkeypatch):
    folder = shutil.copytree(crossed, tmp_path / "crossed")
    monkeypatch.setattr(folds, "with_bounds", lambda one, *_: replace(one, prediction=np.maximum(one.prediction, 0.5)))
    assert train(data, folder, "--folds", "2", "--group-by-formula", "--json") == 0
    rows = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
    errors = regression(*(np.array([float(row[name]) for row in rows]) for name in ("target", "prediction")))
    assert json.loads(capsys.readouterr().out)["errors"]["all"]["MAE"] == pytest.approx(errors["MAE"], rel=1e-6)


def test_the_models_of_the_folds_predict_together(crossed, capsys):
    assert main(["predict", "--model", str(crossed), "SrTiO3", "--interval", "0.8", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["predictions"]
    model = Ensemble.load(crossed, ResCNN.load)
    each = [member.predict(["SrTiO3"], bar=False).prediction[0] for member in model.members]
    assert row["value"] == pytest.approx(np.mean(each)) and row["lower"] < row["value"] < row["upper"]
    assert model.conformal.source == "cross-validation" and model.conformal.n == 40


@pytest.mark.slow
def test_folds_of_the_data(data, tmp_path, capsys):
    assert train(data, tmp_path / "m", "--folds", "given") == 0
    rows = list(csv.DictReader((tmp_path / "m" / "predictions.csv").read_text().splitlines()))
    assert all(int(row["id"]) % 2 == int(row["fold"]) - 1 for row in rows)
    capsys.readouterr()
    assert main(["train", "mini", *SMALL, "--model", str(tmp_path / "n"), "--folds", "given"]) == 2
    assert "mini has no column fold; give a number of folds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--folds", "41"], "41 folds of 40 materials: choose between 2 and 40"),
        (["--folds", "2", "--ensemble", "2"], "--ensemble has no effect beside --folds"),
        (["--folds", "2", "--split", "x.json"], "--split has no effect beside --folds"),
        (["--folds", "2", "--split-ratio", "8:1:1"], "--split-ratio has no effect beside --folds"),
        (["--head-only"], "--head-only needs --from"),
    ],
)
def test_what_cannot_be_folded(data, tmp_path, capsys, options, message):
    assert train(data, tmp_path / "m", *options) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "m" / "member-0").exists()


@pytest.mark.parametrize("number", ["1", "0", "-3", "many"])
def test_a_number_of_folds_below_two(data, tmp_path, capsys, number):
    with pytest.raises(SystemExit):
        train(data, tmp_path / "m", f"--folds={number}")
    assert "is not a number of folds, 2 or more, or given" in capsys.readouterr().err


def test_other_models_in_the_folder(crossed, single, data, capsys):
    assert train(data, crossed) == 2
    assert "holds 2 members of another training" in capsys.readouterr().err
    assert train(data, single, "--folds", "2") == 2
    assert "holds a single model of another training" in capsys.readouterr().err


def test_fewer_formulas_than_folds(mini):
    formulas, count = np.unique(mini.formulas, return_counts=True)
    table = mini.take(np.flatnonzero(mini.formulas == formulas[count.argmax()]))
    assert len(table) > 1
    with pytest.raises(UserError, match="2 folds need as many formulas, the data have 1; choose fewer folds"):
        k_folds(table, 2, grouped=True)


def test_coverage_is_counted_over_all_folds(crossed, mini):
    table = mini.take(np.arange(0, 320, 8))
    model = Ensemble.load(crossed, ResCNN.load)
    parts = [member.predict(table.take(np.arange(k, 40, 2)), bar=False) for k, member in enumerate(model.members)]
    parts = [folds.replace(one, target=one.prediction) for one in parts]
    found = folds.summary(parts, folds.joined_folds(parts), [model.conformal, model.conformal])
    assert found["coverage"]["0.9"] == 1.0 and found["mean"]["MAE"] == 0.0


# --- fine-tuning -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_fine_tuning_from_a_folder(single, crossed, data, tmp_path, capsys):
    target = ["train", "mini", "--target", "band_gap", "--epochs", "1", "--split-ratio", "1:1:20"]
    assert main([*target, "--from", str(single), "--model", str(tmp_path / "m"), "--head-only"]) == 0
    assert "fine-tuning the output layer of single (formation_energy), learning rate" in capsys.readouterr().err
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    assert card["model"] == "rescnn" and card["target"] == "band_gap"
    assert card["started_from"]["name"] == "single" and card["started_from"]["head_only"]
    assert main([*target, "--from", str(crossed), "--model", str(tmp_path / "n"), "--learning-rate", "0.002"]) == 0
    assert json.loads((tmp_path / "n" / "model.json").read_text())["recipe"]["learning_rate"] == 0.002
    assert main([*target, "--from", str(crossed), "--model", str(tmp_path / "m")]) == 2
    assert "m holds another training with learning_rate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("start", "options", "message"),
    [
        ("nowhere", [], "is not the name of a preset"),
        (None, ["--network", "finder"], "has the network rescnn, not finder; leave out --network"),
        (None, ["--variant", "paper"], "has the variant corrected, not paper; leave out --variant"),
        (None, ["--model", "same"], "--from and --model name the same folder"),
    ],
)
def test_what_cannot_be_started_from(single, tmp_path, capsys, start, options, message):
    model = single if "same" in options else tmp_path / "m"
    options = [str(single) if word == "same" else word for word in options]
    arguments = ["train", "mini", "--target", "band_gap", "--from", start or str(single), "--model", str(model)]
    assert main([*arguments, *options]) == 2
    assert message in capsys.readouterr().err


def test_a_model_of_another_package(single, tmp_path, capsys):
    from profitnet.cli import main as profitnet

    arguments = ["train", "mini", "--target", "band_gap", "--from", str(single), "--model", str(tmp_path / "m")]
    assert profitnet(arguments) == 2
    assert "'rescnn' is not a network of profitnet" in capsys.readouterr().err


# --- pictures ----------------------------------------------------------------------------------------


def test_the_pictures_of_an_evaluation(single, crossed, data, tmp_path, capsys):
    evaluate = ["evaluate", "--model", str(single), str(data), "--plots", str(tmp_path / "p")]
    assert main([*evaluate, "--split", str(single / "split.json")]) == 0
    names = sorted(path.name for path in (tmp_path / "p").iterdir())
    assert names == ["calibration.png", "learning-curve.png", "parity.png", "residuals.png"]
    assert "validation" in capsys.readouterr().out
    split, output = ["--split", str(single / "split.json")], tmp_path / "test.csv"
    assert main([*evaluate[:-2], *split, "--set", "test", "--output", str(output)]) == 0
    assert "validation" not in capsys.readouterr().out
    assert Predictions.load(output).ids.tolist() == list(Split.load(single / "split.json").test)
    assert main([*evaluate[:-2], "--set", "test"]) == 2
    assert "--set names a set of --split, which is missing" in capsys.readouterr().err
    assert main(["evaluate", "--model", str(crossed), str(data), "--plots", str(tmp_path / "q")]) == 0
    assert "learning-curve.png" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main([*evaluate[:-1], str(tmp_path / "file" / "p")]) == 2
    assert "is not a folder; choose another place" in capsys.readouterr().err
