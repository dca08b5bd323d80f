"""`profitnet train` as a user types it, slips included."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from common.data.predictions import Predictions
from common.data.splits import Split, audit
from profitnet.regressor import OFMCNN
from tests.profitnet.conftest import TRAIN
from tests.structure_files import CIF


def test_train_says_and_saves_what_it_did(trained, mini):
    folder, process = trained
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout)
    assert (result["target"], result["unit"]) == ("formation_energy", "eV/atom")
    assert result["model"]["recipe"]["epochs"] == 2 and result["model"]["seed"] == 4
    split = Split.load(folder / "split.json")
    assert result["split"] == pytest.approx(audit(split, mini))
    for part in ("validation", "test"):
        stored = Predictions.load(folder / f"{part}.csv")
        assert stored.ids.tolist() == list(split.subsets()[part])
        known = mini.select(stored.ids).target("formation_energy").values
        np.testing.assert_allclose(stored.target, known, rtol=1e-8)
        expected = {"n": len(stored), **stored.metrics()}
        assert result["errors"][part] == pytest.approx(expected, rel=1e-6)
    assert len((folder / "history.csv").read_text().splitlines()) == 3
    assert not (folder / "run").exists()
    assert f"{len(split.test)} test" in process.stderr and "of the test materials have a formula" in process.stderr


def test_train_again_changes_nothing(trained, run):
    folder, process = trained
    before = (folder / "model.weights.h5").read_bytes()
    status, out, err = run(*TRAIN, "--model", folder, "--json")
    assert status == 0 and "is trained already" in err
    assert json.loads(out)["errors"]["test"] == pytest.approx(json.loads(process.stdout)["errors"]["test"], rel=1e-5)
    assert (folder / "model.weights.h5").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--epochs", "3"), "with epochs 2, not 3"),
        (("--variant", "released"), "with variant corrected, not released"),
        (("--target", "band_gap"), "with target formation_energy, not band_gap"),
    ],
)
def test_train_does_not_write_over_another_model(trained, run, change, words):
    folder, _ = trained
    status, out, err = run(*TRAIN, "--model", folder, *change)
    assert (status, out) == (2, "") and words in err and "--overwrite" in err


def test_overwrite(tmp_path, run):
    model = tmp_path / "m"
    model.mkdir()
    (model / "model.json").write_text("{}")
    assert run(*TRAIN, "--model", model)[0] == 2
    assert run(*TRAIN, "--model", model, "--overwrite")[0] == 0
    assert json.loads((model / "model.json").read_text())["model"] == "ofmcnn"


@pytest.mark.slow
def test_an_interrupted_training_goes_on(trained, tmp_path, run, monkeypatch):
    from common.train import loop as training

    monkeypatch.setattr(OFMCNN, "recipe", replace(OFMCNN.recipe, checkpoint_seconds=0.0))
    calls = []

    def interrupt(*arguments, original=training.predict, **options):
        calls.append(1)
        if len(calls) == 2:  # the validation of the second epoch
            raise KeyboardInterrupt
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(training, "predict", interrupt)
        status, out, err = run(*TRAIN, "--model", tmp_path)
    assert (status, out) == (130, "") and err.endswith("\nprofitnet: interrupted\n")
    assert (tmp_path / "run" / "checkpoint.npz").exists() and not (tmp_path / "model.json").exists()
    assert run(*TRAIN, "--model", tmp_path)[0] == 0
    one, other = history(trained[0]), history(tmp_path)
    assert [row["epoch"] for row in other] == ["1", "2"]
    for row, same in zip(one, other, strict=True):
        assert float(row["validation_MAE"]) == pytest.approx(float(same["validation_MAE"]), rel=1e-3)


def history(folder) -> list[dict]:
    return list(csv.DictReader((folder / "history.csv").read_text().splitlines()))


def test_train_on_own_files(tmp_path, run, mini):
    """A folder in CGCNN's manner: two formulas, one row without a value, one file that is no structure."""
    folder = tmp_path / "crystals"
    folder.mkdir()
    rows = [[f"x{i}", 0.1 * i] for i in range(12)]
    for i, (name, _) in enumerate(rows):
        (folder / f"{name}.cif").write_text(CIF.replace("Na Na1", "K K1") if i % 2 else CIF.replace("3.98", f"4.{i}"))
    (folder / "x3.cif").write_text("")
    rows[4][1] = "unknown"
    with open(folder / "id_prop.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    command = ("train", folder, "--network", "ofmcnn", "--epochs", "1", "--split-ratio", "1:0:1", "--group-by-formula")
    status, out, err = run(*command, "--target", "gap (eV)", "--model", tmp_path / "m")
    assert status == 0
    assert out.splitlines()[0].split()[:4] == ["gap", "n", "MAE", "(eV)"] and out.splitlines()[1].startswith("test")
    assert "left out: x3: " in err and "left out: x4: gap is 'unknown'" in err
    assert "0% of the test materials" in err
    strict = run(*command, "--target", "gap (eV)", "--model", tmp_path / "strict", "--strict")
    assert strict[:2] == (2, "") and not (tmp_path / "strict").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["minni", "--target", "band_gap"], "no file, folder or source called 'minni'"),
        (["mini"], "choose one with --target"),
        (["mini", "--target", "gap"], "mini has no target 'gap'"),
        (["mini", "--target", "band_gap (meV)"], "in eV, not in meV"),
        (["mini", "--target", "band_gap", "--split", "gone.json"], "gone.json is not a split"),
        (["mini", "--target", "band_gap", "--epochs", "many"], "'many' is not a whole number"),
        (["mini", "--target", "band_gap", "--split-ratio", "0:1:1"], "is not train:validation:test"),
        (["mini", "--target", "band_gap", "--network", "cnn"], "invalid choice: 'cnn'"),
    ],
)
def test_slips_in_train(tmp_path, run, arguments, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run("train", *arguments, "--model", "m")
    assert (status, out) == (2, "") and words in err and err.count("\n") == 1
    assert not (tmp_path / "m").exists()
