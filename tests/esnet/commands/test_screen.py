"""`esnet screen` as a user types it: from predictions, and from a model and prototypes."""

import csv
import json

import pytest

from common.cli import parser as cli
from esnet.commands.parsers import add_screen
from tests.esnet.screening import standins
from tests.esnet.screening.standins import ByVolume

POOL = "formula,Ef\nNaCl,-2.0\nMgO,-3.0\n"
PREDICTED = """id,formula,prediction,target
good,NaCl,-2.1,-2.05
middle,Na2Cl,-1.0,-1.3
far,NaCl3,-0.3,
up,Mg2O,0.4,-1.99
odd,Qq2,-1.0,-1.0
empty,MgO,,-3.0
"""


def run(*arguments: str) -> int:
    parser = cli.make_parser("esnet", "test", "esnet screen")
    add_screen(parser.add_subparsers())
    return cli.run(parser, ["screen", *map(str, arguments)])


@pytest.fixture
def files(tmp_path):
    (tmp_path / "pool.csv").write_text(POOL)
    (tmp_path / "predicted.csv").write_text(PREDICTED)
    names = ("--predictions", tmp_path / "predicted.csv", "--pool", tmp_path / "pool.csv", "--output", tmp_path / "out")
    return (*names, "--no-pictures")


def test_the_command_ranks(files, tmp_path, capsys):
    """By E_hull, the ones to relax first; bad rows are listed and the rest goes on."""
    assert run(*files, "--max-ehull", "0.5", "--json") == 0
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert list(summary["funnel"].values()) == [4, 3, 2, 2]
    assert set(summary["left_out"]) == {"odd", "empty"} and "left out: odd: Qq2: Qq is not a chemical element" in err
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    rows = list(csv.DictReader((tmp_path / "out" / "ranked.csv").read_text().splitlines()))
    assert [(row["id"], row["decision"]) for row in rows] == [
        ("good", "relax"),
        ("middle", "relax"),
        ("far", "E_hull too high"),
        ("up", "E_f too high"),
    ]
    assert [float(row["E_hull (eV/atom)"]) for row in rows] == pytest.approx([-0.1, 1 / 3, 0.7, 2.4], abs=1e-5)
    assert rows[1]["hull there"] == "0.667 NaCl + 0.333 Na"
    assert [row["stable"] for row in rows] == ["True", "True", "", "True"]
    assert summary["known values"]["these thresholds"]["TP"] == 2 and summary["known values"]["materials"] == 3


def test_the_command_prints_units(files, capsys):
    assert run(*files) == 0
    out, err = capsys.readouterr()
    assert "E_f predicted <= -0.02 eV/atom" in out and "C_eff (s)" in out and "best F1" in out
    assert "stable by the known values: 3 of 3" in out and "wrote ranked.csv" in err


def test_without_known_values(tmp_path, files, capsys):
    (tmp_path / "predicted.csv").write_text("id,formula,value (eV/atom)\na,NaCl,-2.1\nb,LiF,-3\n")
    assert run(*files) == 0
    out, err = capsys.readouterr()
    assert "known" not in out and "the pool has no phase of Li, F" in err


def test_none_stable_is_still_ranked(tmp_path, files, capsys):
    (tmp_path / "predicted.csv").write_text("id,formula,prediction,target\na,NaCl,-2.1,0.3\n")
    assert run(*files) == 0
    assert "stable by the known values: 0 of 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("pool.csv", "formula,Ef\n", "has a header and no rows"),
        ("pool.csv", "formula,Ef\nXx,1\n", "pool.csv has no usable phase"),
        ("predicted.csv", "id,formula,gap\na,NaCl,1\n", "has none of the columns prediction"),
        ("predicted.csv", "id,formula,value (eV)\na,NaCl,1\n", "gives value in eV, a hull needs eV/atom"),
        ("predicted.csv", "id,cif,value\na,a.cif,1\n", "has no formula column"),
        ("predicted.csv", "id,formula,value\na,Xx,1\n", "a: Xx: Xx is not a chemical element"),
        ("predicted.csv", "id,formula,value\na,NaCl,high\n", "a: value is 'high', which is not a number"),
    ],
)
def test_bad_files_end_with_one_line(tmp_path, files, capsys, name, text, reason):
    (tmp_path / name).write_text(text)
    assert run(*files) == 2
    lines = capsys.readouterr().err.splitlines()
    assert reason in lines[-1] and not (tmp_path / "out").exists()


def test_strict_stops(files, capsys):
    assert run(*files, "--strict") == 2
    assert "esnet: " in capsys.readouterr().err


def test_what_a_prediction_costs(files, tmp_path, capsys):
    """Equation 4 with a density of states, and without: one of three is relaxed and found of three."""
    costs = {}
    for c_pre in ("default", "0"):
        assert run(*files, "--json", *(() if c_pre == "default" else ("--c-pre", c_pre))) == 0
        scores = json.loads(capsys.readouterr().out)["known values"]["these thresholds"]
        assert scores["discoverability"] == pytest.approx(1 / 3)
        costs[c_pre] = scores["C_eff (s)"]
    assert costs["0"] == pytest.approx(3107.0) and costs["default"] == pytest.approx(3107.0 + 3 * 108.506)
    assert run("--model", "m", *files[2:], "--c-pre", "0") == 2
    assert "--c-pre needs --predictions" in capsys.readouterr().err
    for option in (["--retry"], ["--prototypes", "x"], ["--dft", "gpaw"], ["--relax-time-limit", "5"]):
        assert run(*files, *option) == 2
        assert f"{option[0]} needs --model" in capsys.readouterr().err
    (tmp_path / "predicted.csv").write_text("id,formula,prediction\na,NaCl,-2.1\n")
    assert run(*files, "--c-pre", "0") == 2
    assert "--c-pre needs known energies" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(*files, "--c-pre", "-1")


def test_options_that_do_not_fit(files, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        run(*files, "--max-ef", "nan")
    assert left.value.code == 2 and "'nan' is not an energy in eV/atom" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        run("--pool", tmp_path / "pool.csv", "--output", tmp_path)
    assert left.value.code == 2 and "--predictions --model" in capsys.readouterr().err


def test_the_command_with_a_model(tmp_path, monkeypatch, capsys):
    """From a prototype's file to a ranked list; what was computed is not computed again."""
    from pymatgen.core import Lattice, Structure

    from esnet.dft import backends
    from esnet.spec import SPEC

    calls = []
    monkeypatch.setitem(backends.BACKENDS, "standin", "tests.esnet.screening.standins:backend")
    monkeypatch.setattr(type(SPEC), "load", lambda self, folder: calls.append(folder) or ByVolume())
    Structure(Lattice.cubic(3.0), ["Cs", "Cl"], [[0] * 3, [0.5] * 3]).to(str(tmp_path / "B2.cif"))
    (tmp_path / "pool.csv").write_text("formula,Ef\nCuAu,-0.05\nPtCu3,-0.1\n")
    names = ("--model", "m", "--pool", tmp_path / "pool.csv", "--output", tmp_path / "out", "--dft", "standin")
    assert run(*names, "--no-pictures") == 2
    assert "--model needs --prototypes and --elements" in capsys.readouterr().err
    names = (*names, "--prototypes", tmp_path / "B2.cif", "--no-pictures")
    assert run(*names, "--elements", "Cu,Xx") == 2
    assert "Xx is not a chemical element" in capsys.readouterr().err
    for _ in range(2):
        assert run(*names, "--elements", "Cu, Au,Pt") == 0
        err = capsys.readouterr().err
        assert "left out: AuPt-B2: " in err and "did not converge" in err and calls[-1] == "m"
        assert "1 of 3 calculations failed; repeat them with --retry" in err
    rows = list(csv.DictReader((tmp_path / "out" / "ranked.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == ["CuAu-B2", "CuPt-B2"]
    # Half way between Cu and PtCu3 at -0.1 there is -0.2 / 3 left.
    assert [float(row["E_hull (eV/atom)"]) for row in rows] == pytest.approx([-0.22, -0.27 + 0.2 / 3], abs=1e-5)
    # Relaxed, one of the two is what was promised.
    assert run(*names, "--elements", "Cu,Au,Pt", "--relax", "3") == 0
    out, err = capsys.readouterr()
    assert "relaxed: 2, stable: 1 (E_f at most 0, E_hull at most 0.1 eV/atom)" in out and "wrote relaxed.csv" in err
    rows = list(csv.DictReader((tmp_path / "out" / "relaxed.csv").read_text().splitlines()))
    assert [(row["id"], row["E_f relaxed (eV/atom)"], row["stable"]) for row in rows] == [
        ("CuAu-B2", "-0.06", "True"),
        ("CuPt-B2", "0.2", "False"),
    ]
    assert {(row["change of volume (%)"], row["steps"], row["E_f unrelaxed (eV/atom)"]) for row in rows} == {
        ("33.10", "2", "0")
    }
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["relaxed"]
    assert summary["materials"] == 2 and summary["failed"] == {}
    assert summary["MAE of E_f (eV/atom)"] == pytest.approx((0.27 - 0.06 + 0.27 + 0.2) / 2)
    # Where nothing passes, nothing is relaxed, and the earlier list does not stay.
    assert run(*names, "--elements", "Cu,Au,Pt", "--relax", "3", "--max-ef", "-9") == 0
    assert "relaxed: 0, stable: 0" in capsys.readouterr().out
    assert len((tmp_path / "out" / "relaxed.csv").read_text().splitlines()) == 1
    # Where every relaxation fails, the funnel and the summary say so.
    assert run(*names, "--elements", "Cu,Ag", "--relax", "1") == 2
    out, err = capsys.readouterr()
    assert "CuAg-B2: an element has no reference energy" in err and "relaxed: 0, stable: 0" in out
    assert "CuAg-B2" in json.loads((tmp_path / "out" / "summary.json").read_text())["relaxed"]["failed"]
    assert run(*names, "--elements", "Cu,Au,Pt", "--strict") == 2
    assert "AuPt-B2: the calculation did not converge" in capsys.readouterr().err.splitlines()[-1]
    assert run("--predictions", tmp_path / "pool.csv", "--relax", "3", *names[2:6]) == 2
    assert "--relax needs --model" in capsys.readouterr().err


def test_options_reach_the_dft_backend(tmp_path, monkeypatch, capsys):
    """A limit for each density of states, another for each relaxation; failures again when asked."""
    from pymatgen.core import Lattice, Structure

    from esnet.dft import backends
    from esnet.spec import SPEC

    loaded = []
    monkeypatch.setitem(backends.BACKENDS, "standin", "tests.esnet.screening.standins:recording")
    monkeypatch.setattr(type(SPEC), "load", lambda self, folder: loaded.append(self.accept_others) or ByVolume())
    standins.ASKED.clear()
    Structure(Lattice.cubic(3.0), ["Cs", "Cl"], [[0] * 3, [0.5] * 3]).to(str(tmp_path / "B2.cif"))
    (tmp_path / "pool.csv").write_text("formula,Ef\nCuAu,-0.05\n")
    names = ["--model", "m", "--pool", tmp_path / "pool.csv", "--output", tmp_path / "out", "--dft", "standin"]
    names += ["--prototypes", tmp_path / "B2.cif", "--no-pictures", "--elements", "Cu,Au,Pt", "--relax", "2"]
    names += ["--time-limit", "7", "--relax-time-limit", "70", "--accept-other-inputs"]
    assert run(*names) == 0 and loaded == [True]
    assert sorted(standins.ASKED) == [(False, 7), (False, 7), (False, 7), (True, 70), (True, 70)]
    standins.ASKED.clear()
    assert run(*names, "--retry") == 0 and standins.ASKED == [(False, 7)]
