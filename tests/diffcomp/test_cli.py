"""The `diffcomp` command as a user types it."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from diffcomp.cli import main
from diffcomp.commands.simulate import file_names


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


def test_a_folder_of_structures_and_its_sheet(cif, tmp_path, capsys):
    output, sheet = tmp_path / "patterns", tmp_path / "sheet.png"
    (tmp_path / "bad.cif").write_text("nothing")
    files = [cif, str(tmp_path / "bad.cif")]
    assert main(["simulate", *files, "--output", str(output), "--sheet", str(sheet), "--picture", "released"]) == 0
    assert [path.name for path in output.iterdir()] == ["SnO2.png"] and sheet.exists()
    assert "left out" in capsys.readouterr().err


def test_ids_that_differ_in_a_slash_alone(cif, tmp_path, capsys):
    """Every picture is written, and what is not called by its id is said."""
    rows = "".join(f"{name},{cif}\n" for name in ("a/b", "a_b", "a/b/c", "d"))
    (tmp_path / "table.csv").write_text(f"id,cif\n{rows}")
    assert main(["simulate", str(tmp_path / "table.csv"), "--output", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a_b.png", "a_b-2.png", "a_b_c.png", "d.png"}
    assert "a/b is written as a_b-2.png" in capsys.readouterr().err
    assert file_names(["x/y", "x_y-2", "x_y"]) == {"x_y-2": "x_y-2.png", "x_y": "x_y.png", "x/y": "x_y-3.png"}


def test_simulate_takes_a_capital_ending(cif, tmp_path):
    assert main(["simulate", cif, "--output", str(tmp_path / "PATTERN.PNG")]) == 0
    assert Image.open(tmp_path / "PATTERN.PNG").size == (128, 128)


def test_the_bar_moves_within_a_large_cell(tmp_path, monkeypatch):
    """One crystal, many steps, which add up to what was announced."""
    from pymatgen.core import Lattice, Structure

    grid = np.stack(np.meshgrid(*[np.arange(6) / 6] * 3), axis=-1).reshape(-1, 3)[:150]
    sites = grid + np.random.default_rng(0).random((150, 3)) / 12
    Structure(Lattice.cubic(15), ["Sn"] * 150, sites).to(str(tmp_path / "large.vasp"), fmt="poscar")
    steps, totals = [], []

    @contextmanager
    def recorded(total, **rest):
        totals.append(total)
        yield SimpleNamespace(update=steps.append)

    monkeypatch.setattr("diffcomp.commands.simulate.progress", recorded)
    assert main(["simulate", str(tmp_path / "large.vasp"), "--output", str(tmp_path / "large.png")]) == 0
    assert totals[-1] == sum(steps) == 450 and len(steps) >= 6


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["predict", "--model", "MODEL"], "give structure files, or a measured material"),
        (["predict", "--model", "MODEL", "x.cif", "--composition", "SnO2"], "give structure files, or a measured"),
        (["predict", "--model", "MODEL", "--composition", "SnO2"], "needs a diffraction pattern"),
        (["predict", "--model", "MODEL", "--composition", "SnO2", "--pattern", "p.png"], "p.png does not exist"),
        (["predict", "--model", "MODEL", "--composition", "SnO2", "--pattern", "a.png", "b.png"], "a.png does not"),
        (["simulate", "mini", "--output", "one.png"], "there are 336 structures; name a folder"),
        (["predict", "--model", "MODEL", "x.cif", "--crop", "64"], "--crop is for measured pictures"),
        (["predict", "--model", "MODEL", "x.cif", "--sheet", "s.png"], "--sheet is for measured pictures"),
        (["predict", "--model", "MODEL", "x.cif", "--scale", "linear"], "--scale is for measured pictures"),
        (["predict", "--model", "MODEL", "--composition", "SnO2", "--centre", "1,1"], "--centre is for measured"),
        (["predict", "--model", "MODEL", "--pattern", "p.png", "--crop", "5"], "a crop of 5 pixels is too small"),
        (["simulate", "mini", "--output", "one.PNG"], "there are 336 structures; name a folder"),
        (["simulate", "mini", "--output", "one.jpg"], "--output one.jpg: pictures are written as PNG; name a .png"),
        (["simulate", "mini", "--output", "o", "--sheet", "s.tif"], "--sheet s.tif: pictures are written as PNG"),
    ],
)
def test_bad_input_ends_with_one_line(model, arguments, reason, capsys):
    assert main([model if word == "MODEL" else word for word in arguments]) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1 and reason in err[0]


@pytest.mark.parametrize("command", ["embed", "simulate", "train", "predict", "evaluate"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"example:\n  diffcomp {command}" in capsys.readouterr().out
