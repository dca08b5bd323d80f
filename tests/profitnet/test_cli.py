"""The `profitnet` command as a user types it, slips included."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from common.predictions import Predictions
from common.sources.files import load
from common.splits import Split, audit
from profitnet.cli import build_parser, main
from profitnet.features import ofm_matrix, profit_matrix
from profitnet.regressor import OFMCNN
from tests.structure_files import BROKEN, CIF, POSCAR

COMMANDS = ("train", "predict", "evaluate", "featurize", "explain", "screen")
HEAVY = ("tensorflow", "keras", "pymatgen", "matminer", "pandas", "matplotlib", "shap", "sklearn", "joblib", "numpy")
TRAIN = ("train", "mini", "--target", "formation_energy", "--network", "ofmcnn", "--epochs", "2", "--seed", "4")


def shell(*arguments, cache):
    """`profitnet` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "profitnet.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "MATREPRO_CACHE": str(cache)},
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model trained by the command, and what the command printed."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    return folder, shell(*TRAIN, "--model", folder, "--json", cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def run(capsys):
    """`profitnet` in this process: status, stdout, stderr."""

    def run(*arguments):
        try:
            status = main([str(a) for a in arguments])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def files(tmp_path):
    (tmp_path / "salt.cif").write_text(CIF)
    (tmp_path / "POSCAR").write_text(POSCAR)
    (tmp_path / "bad.cif").write_text(BROKEN["partial.cif"][0])
    (tmp_path / "empty.cif").write_text("")
    return tmp_path


# --- help ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_parses(run, command):
    status, out, _ = run(command, "--help")
    assert status == 0
    examples = [line.strip() for line in out.split("example:\n")[1].splitlines()]
    for line in examples:
        words = line.split("#")[0].replace('"gap (eV)"', "gap").split()
        assert words[:2] == ["profitnet", command]
        assert build_parser().parse_args(words[1:]).command is not None


def test_help_loads_nothing_heavy():
    program = f"""
import shutil
import sys
from profitnet.cli import main
for argv in [["--help"], ["--version"], *([c, "--help"] for c in {COMMANDS!r})]:
    try:
        main(argv)
    except SystemExit as stop:
        assert stop.code == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


# --- train ---------------------------------------------------------------------------------------


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
        assert stored.ids.tolist() == list(split.parts()[part])
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


def test_an_interrupted_training_goes_on(trained, tmp_path, run, monkeypatch):
    from common import training

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
    command = ("train", folder, "--network", "ofmcnn", "--epochs", "1", "--shares", "1:0:1", "--group-by-formula")
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
        (["mini", "--target", "band_gap", "--shares", "0:1:1"], "is not train:validation:test"),
        (["mini", "--target", "band_gap", "--network", "cnn"], "invalid choice: 'cnn'"),
    ],
)
def test_slips_in_train(tmp_path, run, arguments, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run("train", *arguments, "--model", "m")
    assert (status, out) == (2, "") and words in err and err.count("\n") == 1
    assert not (tmp_path / "m").exists()


# --- predict -------------------------------------------------------------------------------------


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
    assert (status, err) == (0, "") and [row["id"] for row in rows] == mini.ids.tolist()
    assert [row["formula"] for row in rows] == mini.formulas.tolist() and {row["unit"] for row in rows} == {"eV/atom"}
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
    assert reader.communicate()[0].startswith("id,formula,value,unit\nsalt,NaCl,")
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
        (["mini", "salt.cif"], "mini is a whole table; give it alone"),
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
        ('{"format": 1, "model": "finder"}', "a finder model is none of profitnet's"),
        ('{"format": 1, "model": "ofmcnn"}', "is damaged"),
    ],
)
def test_predict_with_no_model(run, files, card, words):
    if card:
        (files / "model.json").write_text(card)
    status, out, err = run("predict", "--model", files, files / "salt.cif")
    assert (status, out) == (2, "") and words in err and err.count("\n") == 1


# --- evaluate ------------------------------------------------------------------------------------


def test_evaluate_repeats_the_errors_of_the_training(trained, run):
    folder, process = trained
    status, out, err = run("evaluate", "--model", folder, "mini", "--split", folder / "split.json", "--json")
    assert (status, err) == (0, "")
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
    assert (row["part"], row["n"], row["unit"]) == ("all", "336", "eV/atom")
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


# --- featurize -----------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["released", "paper", "corrected"])
@pytest.mark.parametrize("extension", ["h5", "npz"])
def test_featurize(run, files, variant, extension):
    output = files / f"out.{extension}"
    command = ("featurize", files, "--variant", variant, "--output", output)
    status, out, err = run(*command)
    assert (status, out) == (0, "") and err.count("left out: ") == 2
    table = load(files).table
    expected = np.array([profit_matrix(crystal, variant) for crystal in table.structures()])
    dense = read(output)
    np.testing.assert_allclose(dense["matrix"], expected, rtol=1e-5, atol=1e-6)
    assert dense["matrix"].dtype == np.float32
    assert dense["id"].astype(str).tolist() == table.ids.tolist()
    assert dense["formula"].astype(str).tolist() == ["NaCl", "NaCl"]

    assert run(*command, "--factorised")[0] == 0
    factors = read(output)
    for i, matrix in enumerate(expected):
        species = factors["species"][slice(*factors["species_offset"][i : i + 2])]
        weights = factors["weights"][slice(*factors["weights_offset"][i : i + 2])].reshape(len(species), -1)
        chosen = factors["atom_vectors"][species].astype(float)
        np.testing.assert_allclose(chosen.T @ weights @ chosen, matrix, rtol=1e-5, atol=1e-6)


def read(path) -> dict:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as data:
            return dict(data)
    with h5py.File(path) as file:
        return {name: data[:] for name, data in file.items()}


def test_featurize_many_with_the_orbital_matrix(run, tmp_path, mini):
    assert run("featurize", "mini", "--matrix", "ofm", "--output", tmp_path / "x.npz", "--jobs", "2")[0] == 0
    matrices = read(tmp_path / "x.npz")["matrix"]
    assert matrices.shape == (336, 32, 32)
    for row in (0, 100, 335):
        np.testing.assert_allclose(matrices[row], ofm_matrix(mini.structure(row)), rtol=1e-5, atol=1e-6)


def test_featurize_to_another_kind_of_file(run, files):
    status, _, err = run("featurize", files, "--output", files / "x.txt")
    assert status == 2 and "must end in .h5 or .npz" in err and not (files / "x.txt").exists()


# --- explain and screen: what the command hands over; the work itself is tested with its module -------------


def recorder(monkeypatch, module: str, name: str, result=None) -> list:
    """Put a function that keeps its arguments in the place of `profitnet.<module>.<name>`."""
    calls = []

    def function(*arguments, **options):
        calls.append((arguments, options))
        return result

    monkeypatch.setitem(sys.modules, f"profitnet.{module}", SimpleNamespace(**{name: function}))
    return calls


def test_explain_compares_with_what_was_learned(trained, run, tmp_path, monkeypatch):
    folder, _ = trained
    saved = []
    calls = recorder(monkeypatch, "explain", "explain", SimpleNamespace(save=saved.append))
    status, _, err = run(
        *("explain", "--model", folder, "mini", "--output", tmp_path / "out", "--samples", "7", "--background", "9")
    )
    assert status == 0 and "importance.csv" in err and saved == [str(tmp_path / "out")]
    [((model, table), options)] = calls
    assert isinstance(model, OFMCNN) and len(table) == 336
    background = options.pop("background").ids.tolist()
    assert len(background) == 9 and set(background) < set(Split.load(folder / "split.json").train)
    assert options == {"samples": 7, "seed": 0}


def test_screen_predicts_counts_and_draws(trained, run, tmp_path):
    folder, _ = trained
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    out = tmp_path / "out"
    status, text, err = run("screen", "--eps-model", folder, "--gap-model", other, "mini", "--output", out)
    assert status == 0 and "of 336 are negative" in text and "Pearson r = 1.000" in text
    assert (out / "penn.png").exists() and (out / "predictions.csv.gz").exists()
    status, _, err = run("screen", "--model", folder, "--gap-model", folder, "mini", "--output", out)
    assert status == 2 and "two models are called" in err
    status, _, err = run("screen", "mini", "--output", out)
    assert status == 2 and "screen needs a model" in err


@pytest.mark.parametrize("command", ["explain", "screen"])
def test_explain_and_screen_need_a_model_and_materials(trained, run, files, command, monkeypatch):
    calls = recorder(monkeypatch, {"explain": "explain", "screen": "screening"}[command], command)
    assert run(command, "--model", files, "mini", "--output", files / "out")[0] == 2
    status, _, err = run(command, "--model", trained[0], files / "empty.cif", "--output", files / "out")
    assert status == 2 and "the file is empty" in err
    assert calls == [] and not (files / "out").exists()
