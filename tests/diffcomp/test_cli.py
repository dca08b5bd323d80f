"""The `diffcomp` command as a user types it."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from diffcomp.cli import main


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diffcomp") / "model"
    train = ["train", "mini", "--target", "formation_energy", "--epochs", "1", "--shares", "2:1:7"]
    assert main([*train, "--model", str(folder)]) == 0
    return str(folder)


@pytest.fixture
def cif(tmp_path):
    from pymatgen.core import Lattice, Structure

    path = tmp_path / "SnO2.cif"
    lattice = Lattice.tetragonal(4.737, 3.186)
    Structure.from_spacegroup("P4_2/mnm", lattice, ["Sn", "O"], [[0, 0, 0], [0.306, 0.306, 0]]).to(str(path))
    return str(path)


def test_simulate_then_predict_from_the_picture(model, cif, tmp_path, capsys):
    """The picture of a structure, given as measured, gives what the structure gives; merged or three grey ones."""
    picture, sheet = tmp_path / "pattern.png", tmp_path / "sheet.png"
    assert main(["simulate", cif, "--output", str(picture), "--size", "256"]) == 0
    assert main(["predict", "--model", model, cif, "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)["predictions"][0]["value"]
    grey = []
    for k, name in enumerate("xyz"):
        path = tmp_path / f"{name}.png"
        Image.fromarray(np.asarray(Image.open(picture))[..., k]).save(path)
        grey.append(str(path))
    for pictures in ([str(picture)], grey):
        measured = ["--composition", "SnO2", "--pattern", *pictures, "--sheet", str(sheet)]
        assert main(["predict", "--model", model, *measured, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["predictions"][0]["value"] == pytest.approx(expected, abs=1e-3) and found["unit"] == "eV/atom"
    assert Image.open(sheet).size == (398, 156)


def test_atomic_per_cent(model, cif, tmp_path, capsys):
    picture = str(tmp_path / "p.png")
    main(["simulate", cif, "--output", picture])
    values = []
    for composition in ("SnO2", "Sn=33.3,O=66.7"):
        assert main(["predict", "--model", model, "--composition", composition, "--pattern", picture, "--csv"]) == 0
        values.append(float(next(csv.DictReader(capsys.readouterr().out.splitlines()))["value"]))
    assert values[0] == pytest.approx(values[1], abs=5e-3)


def test_a_folder_of_structures_and_its_sheet(cif, tmp_path, capsys):
    output, sheet = tmp_path / "patterns", tmp_path / "sheet.png"
    (tmp_path / "bad.cif").write_text("nothing")
    files = [cif, str(tmp_path / "bad.cif")]
    assert main(["simulate", *files, "--output", str(output), "--sheet", str(sheet), "--picture", "released"]) == 0
    assert [path.name for path in output.iterdir()] == ["SnO2.png"] and sheet.exists()
    assert "left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["predict", "--model", "MODEL"], "give structure files, or a measured material"),
        (["predict", "--model", "MODEL", "x.cif", "--composition", "SnO2"], "give structure files, or a measured"),
        (["predict", "--model", "MODEL", "--composition", "SnO2"], "needs a diffraction pattern"),
        (["predict", "--model", "MODEL", "--composition", "Sn=33,O=60", "--pattern", "p.png"], "p.png does not exist"),
        (["predict", "--model", "MODEL", "--composition", "SnO2", "--pattern", "a.png", "b.png"], "a.png does not"),
        (["simulate", "mini", "--output", "one.png"], "there are 336 structures; name a folder"),
        (["embed", "SrTiO3"], "3 elements; this model takes two"),
        (["embed", "Xx2"], "Xx is not a chemical element"),
    ],
)
def test_bad_input_ends_with_one_line(model, arguments, reason, capsys):
    assert main([model if word == "MODEL" else word for word in arguments]) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1 and reason in err[0]


def test_percentages_that_do_not_sum(model, cif, tmp_path, capsys):
    picture = str(tmp_path / "p.png")
    main(["simulate", cif, "--output", picture])
    capsys.readouterr()
    assert main(["predict", "--model", model, "--composition", "Sn=33,O=60", "--pattern", picture]) == 2
    assert "the percentages sum to 93, not to 100" in capsys.readouterr().err


def test_embed(tmp_path, capsys):
    path = tmp_path / "vectors.csv"
    assert main(["embed", "SnO2", "Na0.5Cl0.5", "SrTiO3", "--output", str(path)]) == 0
    rows = list(csv.reader(path.read_text().splitlines()))
    assert [len(row) for row in rows] == [61, 61, 61] and rows[1][0] == "SnO2"
    assert "left out: SrTiO3" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["embed", "simulate", "train", "predict", "evaluate"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"example:\n  diffcomp {command}" in capsys.readouterr().out
