"""`profitnet predict` and `profitnet evaluate` as a user types them, slips included."""

import csv
import io
import json
import os
import subprocess

import numpy as np
import pytest

from common.chem.formula import parse_formula, reduced_formula
from common.data.predictions import Predictions
from common.data.splits import Split
from common.sources.files import load
from profitnet.regressor import OFMCNN
from tests.profitnet.conftest import shell
from tests.structure_files import CIF, POSCAR

CARD = {"format": 1, "variant": "paper", "config": {}, "recipe": {}, "seed": 0, "target": "", "unit": "", "weights": ""}


def test_predict_one_file_in_a_fresh_process(trained, files):
    folder, _ = trained
    process = shell("predict", "--model", folder, files / "salt.cif", cache=files / "cache")
    value = OFMCNN.load(folder).predict(load(files / "salt.cif").table).prediction[0]
    assert (process.returncode, process.stderr) == (0, "")
    header, line = process.stdout.splitlines()
    assert header.split() == ["id", "formula", "formation_energy", "unit"]
    name, formula, printed, unit = line.split()
    assert (name, formula, unit) == ("salt", "NaCl", "eV/atom")
    assert float(printed) == pytest.approx(value, abs=1e-3)


def test_predictions_are_those_of_python(trained, run, mini):
    folder, _ = trained
    status, out, err = run("predict", "--model", folder, "mini", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0 and [row["id"] for row in rows] == mini.ids.tolist()
    assert "contain elements that are absent from training" in err and err.count("\n") == 1
    unseen = {row["id"]: row["unseen_elements"] for row in rows if row["unseen_elements"]}
    assert unseen["ReO3-D0_9"] == "Re" and len(unseen) == 2
    assert [row["formula"] for row in rows] == [
        reduced_formula(parse_formula(text)) for text in mini.formulas.tolist()
    ] and {row["unit"] for row in rows} == {"eV/atom"}
    expected = OFMCNN.load(folder).predict(mini).prediction
    np.testing.assert_allclose([float(row["value"]) for row in rows], expected, rtol=1e-6)


def test_predict_lists_the_bad_and_goes_on(trained, run, files):
    folder, _ = trained
    status, out, err = run("predict", "--model", folder, files, "--json")
    result = json.loads(out)
    assert status == 0
    assert [row["id"] for row in result["predictions"]] == ["POSCAR", "salt"]
    assert list(result["left_out"]) == [str(files / "bad.cif"), str(files / "empty.cif")]
    assert err.splitlines() == [f"left out: {name}: {reason}" for name, reason in result["left_out"].items()]
    one, other = (row["value"] for row in result["predictions"])
    assert one == pytest.approx(other, rel=1e-4)  # one crystal, twice


@pytest.mark.parametrize("extension", ["csv", "json"])
def test_predict_to_a_file(trained, run, files, extension):
    folder, _ = trained
    output = files / f"out.{extension}"
    status, out, err = run("predict", "--model", folder, files / "salt.cif", "--output", output)
    assert (status, out) == (0, "") and str(output) in err
    _, printed, _ = run("predict", "--model", folder, files / "salt.cif", f"--{extension}")
    assert output.read_text() == printed


def test_predict_to_what_is_no_file(trained, run, files):
    """A pipe is written, not replaced by a file."""
    folder, _ = trained
    os.mkfifo(files / "pipe")
    reader = subprocess.Popen(["cat", files / "pipe"], stdout=subprocess.PIPE, text=True)
    assert run("predict", "--model", folder, files / "salt.cif", "--output", files / "pipe")[0] == 0
    assert reader.communicate()[0].startswith("id,formula,value,unit,unseen_elements\nsalt,NaCl,")
    assert (files / "pipe").is_fifo()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bad.cif"], "bad.cif: Na0.5Cl1: partial occupancy"),
        (["bad.cif", "empty.cif"], "none of the 2 materials can be used"),
        (["salt.cif", "empty.cif", "--strict"], "empty.cif: the file is empty"),
        (["gone.cif"], "gone.cif does not exist"),
        (["heavy.cif"], "atomic number 101 has no atom vector"),
        (["overlap.vasp"], "angstrom apart"),
        (["formulas.csv"], "formulas.csv has formulas only; this model needs structures"),
        (["cut.h5"], "cut.h5 is not a readable HDF5 file"),
        (["mini", "salt.cif"], "mini is a whole dataset; give it alone"),
    ],
)
def test_predict_with_nothing_to_predict(trained, run, files, monkeypatch, arguments, words):
    monkeypatch.chdir(files)
    (files / "formulas.csv").write_text("formula\nNaCl\n")
    (files / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\x00" * 40)
    (files / "heavy.cif").write_text(CIF.replace("Na Na1", "Md Md1"))
    (files / "overlap.vasp").write_text(POSCAR.replace("0.5 0.5 0.5", "0.0 0.0 0.001"))
    status, out, err = run("predict", "--model", trained[0], *arguments)
    assert (status, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith("profitnet: ") and words in last


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (None, "holds no saved model"),
        ("{", "cannot be read"),
        ('{"format": 0}', "train the model again"),
        (json.dumps(CARD | {"model": "finder"}), "'finder' is not a network of profitnet"),
        ('{"format": 1, "model": "ofmcnn"}', "is damaged"),
    ],
)
def test_predict_with_no_model(run, files, card, words):
    if card:
        (files / "model.json").write_text(card)
    status, out, err = run("predict", "--model", files, files / "salt.cif")
    assert (status, out) == (2, "") and words in err and err.count("\n") == 1


def test_evaluate_repeats_the_errors_of_the_training(trained, run):
    folder, process = trained
    status, out, err = run("evaluate", "--model", folder, "mini", "--split", folder / "split.json", "--json")
    assert status == 0 and "absent from training" in err and err.count("\n") == 1
    found, expected = json.loads(out)["errors"], json.loads(process.stdout)["errors"]
    assert list(found) == ["train", "validation", "test"]
    for part, scores in expected.items():
        assert found[part] == pytest.approx(scores, rel=1e-4)


def test_evaluate_warns_of_materials_that_were_learned(trained, run, tmp_path):
    folder, _ = trained
    status, out, err = run("evaluate", "--model", folder, "mini", "--csv", "--output", tmp_path / "p.csv.gz")
    learned = len(Split.load(folder / "split.json").train)
    assert status == 0 and f"trained on {learned} of these 336 ids" in err
    row = next(csv.DictReader(io.StringIO(out)))
    stored = Predictions.load(tmp_path / "p.csv.gz")
    assert (row["set"], row["n"], row["unit"]) == ("all", "336", "eV/atom")
    assert float(row["MAE"]) == pytest.approx(stored.metrics()["MAE"], rel=1e-6)


def test_evaluate_a_column_of_another_name(trained, run, files):
    folder, _ = trained
    table = files / "x.csv"
    table.write_text("id,cif,Ef (eV/atom),Ef2 (kJ/mol)\na,salt.cif,-2,-200\nb,POSCAR,,-200\n")
    status, out, err = run("evaluate", "--model", folder, table, "--target", "Ef", "--json")
    assert status == 0 and json.loads(out)["errors"]["all"]["n"] == 1 and "b: has no value of Ef" in err
    status, _, err = run("evaluate", "--model", folder, table, "--target", "Ef2")
    assert status == 2 and "in kJ/mol, the model predicts eV/atom" in err
    status, _, err = run("evaluate", "--model", folder, table)
    assert status == 2 and "has no column 'formation_energy'" in err
