"""`matrepro predict`: every material by every preset that takes it, as one table."""

import csv
import json

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from common.data.splits import by_fractions, with_calibration
from common.presets.store import write_preset
from diffcomp.regressor import DiffComp
from experiments.cli.main import main
from finder.rescnn import ResCNN
from profitnet.regressor import OFMCNN


@pytest.fixture(scope="module")
def models(mini, tmp_path_factory):
    """Presets of two formula models that share an architecture, one for binary formulas, and one for structures."""
    folder = tmp_path_factory.mktemp("models")
    few = mini.take(np.arange(0, 336, 2))
    split = with_calibration(by_fractions(few, (8, 1, 1)), few, 0.1)
    for number, target in enumerate(("formation_energy", "band_gap")):
        model = ResCNN(epochs=1, batch=32, seed=number).fit(few, target, split)
        model.fit_domain(few)
        write_preset(model, folder / f"rescnn-{target.replace('_', '-')}", {})
    binary = few.select(split.train[:40])
    short = by_fractions(binary, (8, 2, 0))
    write_preset(DiffComp(cv_nodes=10, epochs=1).fit(binary, "band_gap", short), folder / "diffcomp-gap", {})
    write_preset(OFMCNN(epochs=1, batch=32).fit(few, "band_gap", split), folder / "ofmcnn-gap", {})
    return folder


@pytest.fixture
def installed(models, monkeypatch):
    monkeypatch.setenv("MATREPRO_MODELS", str(models))
    monkeypatch.setattr("common.presets.find.PACKAGES", ())
    return models


@pytest.fixture
def cif(tmp_path):
    path = tmp_path / "lime.cif"
    Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.81), ["Ca", "O"], [[0, 0, 0], [0.5] * 3]).to(filename=path)
    return str(path)


def predicted(capsys, *argv):
    assert main(["predict", *argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_formulas_and_crystals_are_predicted_by_all_presets_that_take_them(installed, cif, capsys):
    found = predicted(capsys, "SrTiO3", cif)
    pairs = [(row["material"], row["preset"]) for row in found["predictions"]]
    formula = ["rescnn-band-gap", "rescnn-formation-energy"]
    assert sorted(pairs) == sorted(
        [("SrTiO3", name) for name in formula] + [("lime", name) for name in [*formula, "diffcomp-gap", "ofmcnn-gap"]]
    )
    assert [one for one, _ in pairs] == ["SrTiO3"] * 2 + ["lime"] * 4  # in the order of the command
    (refused,) = (one for one in found["left_out"] if one["preset"] == "ofmcnn-gap")
    assert refused["material"] == "SrTiO3" and "ofmcnn-gap needs structure files" in refused["reason"]
    for row in found["predictions"]:
        assert row["domain"] in (("inside", "edge", "outside") if "rescnn" in row["preset"] else (None,))
        assert row["lower"] is None or row["lower"] < row["value"] < row["upper"]


def test_presets_of_one_architecture_share_a_network_and_keep_their_weights(installed, capsys):
    together = predicted(capsys, "SrTiO3", "NaCl")["predictions"]
    for name in ("rescnn-band-gap", "rescnn-formation-energy"):
        alone = predicted(capsys, "SrTiO3", "NaCl", "--models", name)["predictions"]
        assert alone == [row for row in together if row["preset"] == name]
    assert len({row["value"] for row in together}) == len(together)


def test_the_table_csv_and_output(installed, tmp_path, capsys):
    assert main(["predict", "SrTiO3", "NaCl", "--models", "rescnn-band-gap", "--interval", "0.5"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["material", "property", "value"] and "50 % interval" in header
    assert len(lines) == 2 and lines[0].split()[:2] == ["SrTiO3", "band_gap"] and lines[0].endswith("rescnn-band-gap")
    path = tmp_path / "out.csv"
    assert main(["predict", "SrTiO3", "--models", "rescnn-band-gap", "--output", str(path)]) == 0
    assert "predictions: 1" in capsys.readouterr().err
    (row,) = csv.DictReader(path.open())
    assert row["formula"] == "SrTiO3" and float(row["lower"]) < float(row["value"])
    assert main(["predict", "SrTiO3", "--models", "rescnn-band-gap", "--csv"]) == 0
    assert capsys.readouterr().out == path.read_text()


def test_a_source_with_densities_is_predicted_by_presets_of_formulas(installed, capsys):
    found = predicted(capsys, "mini", "--models", "rescnn-band-gap")
    assert len(found["predictions"]) == 336 and found["left_out"] == []


def test_numbered_materials_are_shown_with_their_formulas(installed, tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_text("formula\nSrTiO3\nXx2\n")
    assert main(["predict", str(path), "--models", "rescnn-band-gap"]) == 0
    out, err = capsys.readouterr()
    header, line = out.splitlines()
    assert header.split()[:3] == ["material", "formula", "property"] and line.split()[:3] == ["1", "SrTiO3", "band_gap"]
    assert "left out: 2: Xx" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["SrTiO3", "--models", "rescnn-band-gpa"], "did you mean 'rescnn-band-gap'"),
        (["SrTiO3", "--models", "ofmcnn-gap"], "SrTiO3: ofmcnn-gap needs structure files"),
        (["Xx2"], "Xx2: Xx is not a chemical element"),
        (["none.cif"], "none.cif"),
        (["Xx2", "SrTiO3", "--strict"], "Xx2: Xx is not a chemical element"),
        (["SrTiO3", "--interval", "1.5"], "not a number between 0 and 1"),
        (["nacl"], "there is no file, folder or source called 'nacl', nor is it a formula"),
        (["SrTiO3", "--interval", "0.5", "NaCl"], "'NaCl' is not an argument, or its place is before the options"),
    ],
)
def test_bad_input_is_one_line_and_status_2(installed, tmp_path, monkeypatch, capsys, argv, message):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["predict", *argv, "--output", "out.csv"])
    except SystemExit as error:
        status = error.code
    assert status == 2
    out, err = capsys.readouterr()
    assert not out and message in err.splitlines()[-1] and not list(tmp_path.iterdir())


def test_names_are_read_as_they_are_meant(installed, capsys):
    found = predicted(capsys, " NaCl ", "nacl", "SrTiO₃", "--models", "rescnn-band-gap, rescnn-formation-energy")
    assert [row["material"] for row in found["predictions"]] == ["NaCl", "NaCl", "SrTiO₃", "SrTiO₃"]
    assert found["left_out"][0]["reason"] == "is neither a file nor a chemical formula, such as TiO2"


def test_a_disordered_structure_is_left_out(installed, tmp_path, capsys):
    path = tmp_path / "disordered.cif"
    Structure(Lattice.cubic(4), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]]).to(filename=str(path))
    assert main(["predict", str(path)]) == 2
    assert "partial occupancy" in capsys.readouterr().err.splitlines()[-1]
    assert len(predicted(capsys, str(path), "NaCl", "--models", "rescnn-band-gap")["predictions"]) == 1


def test_a_damaged_preset_is_left_out_unless_it_is_named(installed, models, cif, tmp_path, monkeypatch, capsys):
    for folder in models.iterdir():
        (tmp_path / folder.name).mkdir()
        for file in folder.iterdir():
            (tmp_path / folder.name / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("MATREPRO_MODELS", str(tmp_path))
    (tmp_path / "rescnn-band-gap" / "config.json").write_text("{}")
    weights = tmp_path / "ofmcnn-gap" / "model.weights.npz"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert main(["predict", "SrTiO3", str(cif)]) == 0
    out, err = capsys.readouterr()
    assert "rescnn-formation-energy" in out and "left out: preset rescnn-band-gap" in err
    assert "left out: preset ofmcnn-gap" in err and "truncated or altered" in err
    assert main(["predict", "SrTiO3", "--models", "rescnn-band-gap"]) == 2
    assert "truncated or altered" in capsys.readouterr().err


def test_without_presets_the_remedy_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MATREPRO_MODELS", str(tmp_path))
    monkeypatch.setattr("common.presets.find.PACKAGES", ())
    assert main(["predict", "SrTiO3"]) == 2
    assert "matrepro models import" in capsys.readouterr().err
