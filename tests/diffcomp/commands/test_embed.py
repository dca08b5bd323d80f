"""`diffcomp embed` as a user types it."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

import diffcomp
from diffcomp.cli import main


def test_embed(tmp_path, capsys):
    path = tmp_path / "vectors.csv"
    assert main(["embed", "SnO2", "Na0.5Cl0.5", "SrTiO3", "--output", str(path)]) == 0
    rows = list(csv.reader(path.read_text().splitlines()))
    assert [len(row) for row in rows] == [61, 61, 61] and rows[1][0] == "SnO2"
    assert "left out: SrTiO3" in capsys.readouterr().err


def test_places_for_one_element(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["embed", "NaCl", "--elements", "1"])
    assert "--elements: a composition has 2 elements or more" in capsys.readouterr().err


def test_learning_prints_no_notes_of_tensorflow(tmp_path):
    """In a process of its own, since the first import of Keras is what prints."""
    command = [sys.executable, "-m", "diffcomp.cli", "embed", "--learn", "mini", "--size", "2", "--epochs", "1"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    environment = {**plain, "PYTHONPATH": str(Path(diffcomp.__file__).parents[1])}
    done = subprocess.run([*command, "--output", str(tmp_path / "v.csv")], env=environment, capture_output=True)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 0 and len(lines) == 1 and lines[0].startswith("wrote ")


def test_vectors_of_another_size_are_learned_and_used(tmp_path, capsys):
    path = str(tmp_path / "four.csv")
    assert main(["embed", "--learn", "mini", "--size", "4", "--epochs", "2", "--output", path]) == 0
    assert "4 numbers each, from 336 formulas" in capsys.readouterr().err
    assert main(["embed", "MgO", "--vectors", path]) == 0
    header, row = csv.reader(capsys.readouterr().out.splitlines())
    assert header == ["formula", *(f"v{k}" for k in range(8))] and len(row) == 9


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["embed", "SrTiO3"], "3 elements; this model takes two"),
        (["embed", "Xx2"], "Xx is not a chemical element"),
        (["embed"], "give formulas, or a dataset to learn from"),
        (["embed", "NaCl", "--learn", "mini"], "give formulas, or a dataset to learn from"),
        (["embed", "--learn", "mini"], "name it with --output"),
        (["embed", "NaCl", "--vectors", "none.csv"], "none.csv is no table of element vectors"),
        (["embed", "NaCl", "--output", "."], ". is a folder; name a file"),
        (["embed", "NaCl", "--size", "4"], "--size goes with --learn"),
        (["embed", "NaCl", "--epochs", "4"], "--epochs goes with --learn"),
        (
            ["embed", "--learn", "mini", "--elements", "3", "--output", "o.csv"],
            "--elements goes with formulas, not with",
        ),
        (["embed", "--learn", "mini", "--vectors", "x", "--output", "o.csv"], "--vectors goes with formulas, not with"),
    ],
)
def test_bad_input_ends_with_one_line(arguments, reason, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1 and reason in err[0]
