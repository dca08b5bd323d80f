"""The `finder` command as a user types it."""

import csv
import json

import pytest

from finder.cli import main


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A formula model and a crystal model, trained for an epoch or two."""
    folder = tmp_path_factory.mktemp("finder")
    common = ["train", "mini", "--target", "formation_energy", "--epochs", "1", "--batch", "64"]
    assert main([*common, "--model", str(folder / "formula")]) == 0
    assert main([*common, "--network", "finder-crystal", "--model", str(folder / "crystal")]) == 0
    return folder


@pytest.fixture
def cif(tmp_path):
    from pymatgen.core import Lattice, Structure

    path = tmp_path / "salt.cif"
    Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0] * 3, [0.5] * 3]).to(str(path))
    return str(path)


def test_train_stores_predictions_with_uncertainty(models):
    rows = list(csv.DictReader((models / "formula" / "test.csv").read_text().splitlines()))
    assert len(rows) == 67 and set(rows[0]) == {"id", "target", "prediction", "std"}
    assert all(float(row["std"]) > 0 for row in rows)


def test_predict_formulas_and_files_together(models, cif, capsys):
    """A value, its uncertainty and its unit for each; what is wrong is listed and the rest goes on."""
    arguments = ["predict", "--model", str(models / "formula"), "SrTiO3", "Ba0.5Sr0.5TiO3", "Xx2", cif]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["id", "formula", "formation_energy", "std", "unit"]
    assert [line.split()[0] for line in lines[1:]] == ["SrTiO3", "Ba0.5Sr0.5TiO3", "salt"]
    assert all(line.endswith("eV/atom") for line in lines[1:])
    assert "left out: Xx2: Xx is not a chemical element" in err


def test_a_crystal_model_says_that_a_formula_is_not_enough(models, cif, capsys):
    assert main(["predict", "--model", str(models / "crystal"), "SrTiO3", cif, "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in out["predictions"]] == ["salt"]
    assert out["left_out"] == {"SrTiO3": "SrTiO3: is given as a formula; this model needs a structure"}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("D2O", "deuterium"),
        ("Na0Cl", "amount of Na is zero"),
        ("Na-1Cl", "above zero"),
        ("Fe0.9999Ni0.0001", "10,000 atoms"),
        ("CuSO4·5H2O", "hydrate"),
        ("Ca(OH", "brackets"),
        ("nowhere.cif", "does not exist"),
        ("nacl", "no file, folder or source called 'nacl'"),
    ],
)
def test_bad_formulas_end_with_one_line(models, wrong, reason, capsys):
    assert main(["predict", "--model", str(models / "formula"), wrong]) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1 and reason in err[0]


@pytest.mark.slow
def test_columns_with_text_or_two_units_are_refused(tmp_path, capsys):
    path = tmp_path / "data.csv"
    path.write_text("id,formula,gap (eV)\na,NaCl,8.5\nb,Si,low\nc,MgO,7.8\nd,GaAs,1.4\n")
    train = ["train", str(path), "--model", str(tmp_path / "m"), "--epochs", "1", "--split-ratio", "2:1:0"]
    assert main([*train, "--target", "gap"]) == 0
    assert "left out: b: gap is 'low', which is not a number" in capsys.readouterr().err
    assert main([*train, "--target", "gap", "--unit", "meV", "--overwrite"]) == 2
    assert "gives gap in eV, not in meV" in capsys.readouterr().err


def test_embed(models, tmp_path, capsys):
    path = tmp_path / "vectors.csv"
    assert main(["embed", "--model", str(models / "formula"), "SrTiO3", "NaCl", "--output", str(path)]) == 0
    rows = list(csv.reader(path.read_text().splitlines()))
    assert len(rows) == 3 and len(rows[0]) == 202 and rows[1][:2] == ["SrTiO3", "SrTiO3"]
    assert rows[1][2:] != rows[2][2:]
    assert main(["embed", "--model", str(models / "formula"), "NaCl", "--output", "vectors.txt"]) == 2


@pytest.mark.slow
def test_explain(models, tmp_path, capsys):
    """Maps of both models with their correlation, edge matrices of the one that learns edges."""
    arguments = ["--model", str(models / "formula"), "--model", str(models / "crystal"), "--formula", "SrTiO3"]
    assert main(["explain", *arguments, "mini", "--output", str(tmp_path)]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["materials"] == 336 and set(summary["maps"]) == {
        f"{name}, {method}" for name in ("formula", "crystal") for method in ("PCA", "t-SNE")
    }
    assert 0 < summary["models"]["formula and crystal"] < 1 and summary["maps"]["formula, PCA"] > 0.7
    assert summary["edges"]["formula"]["SrTiO3"]["atoms"] == ["O", "O", "O", "Ti", "Sr"]
    drawn = sorted(path.name for path in tmp_path.glob("*.png"))
    assert drawn == [
        "crystal-pca.png",
        "crystal-tsne.png",
        "formula-edges-SrTiO3.png",
        "formula-pca.png",
        "formula-tsne.png",
    ]
    assert "formula and crystal: distances correlate with r =" in capsys.readouterr().out
    assert main(["explain", *arguments, "NaCl", "--output", str(tmp_path)]) == 2


@pytest.mark.slow
def test_ensemble(tmp_path, capsys):
    """Members side by side; a stopped one goes on; the prediction tells the two uncertainties apart."""
    folder = tmp_path / "ensemble"
    train = ["train", "mini", "--target", "band_gap", "--network", "rescnn", "--epochs", "1", "--batch", "128"]
    train += ["--ensemble", "2", "--model", str(folder)]
    assert main(train) == 0
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert {"member-0", "member-1", "test.csv", "validation.csv"} <= names and "model.json" not in names, names
    capsys.readouterr()
    assert main(train) == 0
    assert capsys.readouterr().err.count("is trained already") == 2
    assert main(["predict", "--model", str(folder), "SrTiO3", "NaCl", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)["predictions"][0]
    assert one["std"] ** 2 == pytest.approx(one["epistemic"] ** 2 + one["aleatoric"] ** 2, rel=1e-6)
    assert one["epistemic"] > 0 and one["unit"] == "eV"


def test_a_long_list_of_formulas_is_streamed(models, tmp_path, capsys, monkeypatch):
    """Several chunks give what one table gives; bad lines go to a file of their own."""
    monkeypatch.setattr("common.cli.streaming.chunks.__defaults__", (7,))
    texts = ["NaCl", "SrTiO3", "MgO", "Xx", "GaAs", "Ca(OH)2", "Si"] * 3 + ["LiFePO4", ""]
    path, output = tmp_path / "list.csv", tmp_path / "predicted.csv"
    path.write_text("formula\n" + "".join(f'"{text}"\n' for text in texts))
    arguments = ["predict", "--model", str(models / "formula")]
    assert main([*arguments, str(path), "--output", str(output)]) == 0
    err = capsys.readouterr().err
    assert "predictions: 19" in err and "lists the 4 that are left out" in err
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [row["id"] for row in rows][:4] == ["1", "2", "3", "5"] and rows[-1]["formula"] == "LiFePO4"
    failed = list(csv.reader((tmp_path / "predicted.failed.csv").read_text().splitlines()))
    assert [row[0] for row in failed] == ["id", "4", "11", "18", "23"]
    assert main([*arguments, "NaCl", "LiFePO4", "--csv"]) == 0
    whole = {row["formula"]: row for row in csv.DictReader(capsys.readouterr().out.splitlines())}
    for row in rows:
        if row["formula"] in whole:
            assert float(row["value"]) == pytest.approx(float(whole[row["formula"]]["value"]), abs=1e-5)
            assert float(row["std"]) == pytest.approx(float(whole[row["formula"]]["std"]), rel=1e-4)


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "embed", "explain"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"example:\n  finder {command}" in capsys.readouterr().out
