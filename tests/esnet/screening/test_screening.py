"""Thresholds, scores and costs by counting; the command as a user types it; the published predictions."""

import csv
import json

import numpy as np
import pytest

from common import cli
from common.crystal import Crystal
from common.errors import UserError
from common.materials import MaterialsTable
from common.predictions import Predictions
from esnet.screen_command import add_screen
from esnet.screening.hull import PhasePool
from esnet.screening.ranking import Candidates, rank
from esnet.screening.thresholds import (
    C_OPT,
    C_PRE,
    PAPER_OPTIMUM,
    STABLE,
    below,
    c_eff,
    confusion,
    counts,
    evaluate,
    funnel,
    grid,
    scan,
)


@pytest.fixture(scope="module")
def predicted():
    """600 materials with truth (E_f, E_hull) and predictions that miss by about 0.1 eV/atom."""
    random = np.random.default_rng(0)
    target = random.normal(0.0, 0.3, 600)
    hull = np.maximum(target - random.normal(-0.2, 0.2, 600), -0.05)
    error = random.normal(0.0, 0.1, 600)
    return target, hull, target + error, hull + error


def test_at_a_threshold_counts_as_below():
    assert below([0.0, 0.0, 1e-9], [0.1, 0.11, 0.1], STABLE).tolist() == [True, False, False]


def test_confusion_by_hand():
    truth = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    found = confusion(truth, np.array([1, 1, 0, 1, 0, 0, 0, 0], dtype=bool))
    assert [found[k] for k in ("TP", "FP", "FN", "TN")] == [2, 1, 1, 4]
    assert [found[k] for k in ("success ratio", "discoverability", "F1", "PPCR")] == [2 / 3, 2 / 3, 2 / 3, 3 / 8]
    assert found["C_eff (s)"] == pytest.approx((3107.0 * 3 / 8 + 108.506) / (2 / 3))


def test_c_eff():
    """The article's numerator at its optimum; relaxing all costs a relaxation each, finding nothing is endless."""
    assert c_eff(1.0, 2742 / 15318) == pytest.approx(664.67, abs=0.01)
    assert c_eff(1.0, 1.0, c_pre=0.0) == C_OPT and c_eff(0.5, 0.0) == 2 * C_PRE
    assert c_eff(0.0, 0.3) == float("inf")


def test_grid():
    ef, ehull = grid()
    assert len(ef) == 51 and len(ehull) == 101 and ef[0] == -0.25 and ef[-1] == 0.25 and ehull[-1] == 1.0
    assert PAPER_OPTIMUM[0] in ef and PAPER_OPTIMUM[1] in ehull
    assert len(grid(0.05)[1]) == 21
    for step in (0.0, -0.1, 2.0):
        with pytest.raises(UserError, match="step"):
            grid(step)


def test_scan_is_confusion_at_every_threshold(predicted):
    target, hull, ef, ehull = predicted
    truth = below(target, hull, STABLE)
    found = scan(truth, ef, ehull, step=0.05)
    for i, a in enumerate(found.ef):
        for j, b in enumerate(found.ehull):
            one = confusion(truth, below(ef, ehull, (a, b)))
            assert found.discoverability[i, j] == pytest.approx(one["discoverability"])
            assert found.ppcr[i, j] == pytest.approx(one["PPCR"])
            if one["PPCR"]:
                assert found.success_ratio[i, j] == pytest.approx(one["success ratio"])
                assert found.f1[i, j] == pytest.approx(one["F1"])
            else:
                assert np.isnan(found.success_ratio[i, j]) and found.f1[i, j] == 0
    assert (np.diff(found.discoverability, axis=0) >= 0).all() and (np.diff(found.ppcr, axis=1) >= 0).all()


def test_optima(predicted):
    target, hull, ef, ehull = predicted
    truth = below(target, hull, STABLE)
    found = scan(truth, ef, ehull)
    best = confusion(truth, below(ef, ehull, found.optimum()))
    assert best["F1"] == pytest.approx(found.f1.max())
    costs = [confusion(truth, below(ef, ehull, (a, b)))["C_eff (s)"] for a in found.ef[::5] for b in found.ehull[::5]]
    assert confusion(truth, below(ef, ehull, found.cheapest()))["C_eff (s)"] <= min(costs)


def test_a_perfect_model_has_its_optimum_at_the_definition(predicted):
    target, hull = predicted[:2]
    report, _ = evaluate(target, hull, target, hull)
    assert report["best F1"]["F1"] == 1 and report["best F1"]["FP"] == 0 and report["E_f (eV/atom)"]["MAE"] == 0
    chosen = below(target, hull, (report["best F1"]["E_f (eV/atom)"], report["best F1"]["E_hull (eV/atom)"]))
    assert np.array_equal(chosen, below(target, hull, STABLE))


def test_nothing_stable():
    with pytest.raises(UserError, match="none of the 3 materials is stable"):
        scan(np.zeros(3, dtype=bool), np.zeros(3), np.zeros(3))


def test_funnel():
    ef, ehull = np.array([-0.5, -0.5, -0.5, 0.5]), np.array([0.0, 0.1, 0.9, 0.0])
    found = list(counts(funnel(ef, ehull, np.array([True, False, True, True]))).values())
    assert found == [4, 3, 2, 1]
    assert list(counts(funnel(ef, ehull, thresholds=(1.0, 1.0))).values()) == [4, 4, 4]


# --- ranking and the command ---------------------------------------------------------------------

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
        ("pool.csv", "formula,Ef\nXx,1\n", "pool.csv is empty: without phases there is no hull"),
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


def test_options_that_do_not_fit(files, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        run(*files, "--max-ef", "nan")
    assert left.value.code == 2 and "'nan' is not an energy in eV/atom" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        run("--pool", tmp_path / "pool.csv", "--output", tmp_path)
    assert left.value.code == 2 and "--predictions --model" in capsys.readouterr().err


def test_a_rank_without_candidates(tmp_path):
    with pytest.raises(UserError, match="no candidate to rank: it: no number of"):
        rank(Candidates([], [], np.zeros(0), left_out={"it": "no number of"}), PhasePool(["Na"], [0.0]), tmp_path)


# --- candidates from prototypes ------------------------------------------------------------------


class ByVolume:
    """Stands for a trained network: a number that can be worked out from the structure."""

    unit, target = "eV/atom", "formation_energy"

    def __init__(self):
        self.left_out = {}

    def predict(self, table: MaterialsTable) -> Predictions:
        assert table.has_densities and all(len(table.dos(row).energies) > 1000 for row in range(len(table)))
        values = np.array([-table.structure(row).volume / 100 for row in range(len(table))])
        return Predictions(table.ids, values, unit=self.unit)


#: CuAu below its hull, CuPt above it, and silver's compounds without a reference.
RELAXED_ENERGIES = {frozenset({29, 79}): -0.06, frozenset({29, 78}): 0.2, frozenset({29, 47}): float("nan")}


def engine(crystal, settings, time_limit):
    """Stands for GPAW; platinum and gold together fail."""
    from esnet.dos import ProjectedDOS
    from esnet.engines import Calculation

    if {78, 79} == set(crystal.numbers.tolist()):
        raise UserError("the calculation did not converge")
    energies = np.round(np.arange(-2000, 1001) * 0.02, 6)
    dos = ProjectedDOS(
        energies, np.ones((2, 9, len(energies))), 0.0, 0.0, "absolute", False, "test", len(crystal.numbers), ("Cu",)
    )
    attributes = {"total_energy_eV": -1.0, "formation_energy_eV_per_atom": 0.0}
    if settings.relax:
        attributes |= {"formation_energy_eV_per_atom": RELAXED_ENERGIES[frozenset(crystal.numbers.tolist())]}
        attributes |= {"relaxation_steps": 2, "volume_change": 0.331, "cpu_s": 5.0}
        crystal = crystal._replace(lattice=1.1 * crystal.lattice)
    return Calculation(dos, 9 * np.ones((2, len(energies))), attributes, crystal)


def test_from_prototypes_to_candidates(tmp_path):
    from esnet.screening.candidates import candidates

    chloride = Crystal(np.array([55, 17]), 3.0 * np.eye(3), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    prototypes = MaterialsTable.from_structures(["B2"], [chloride])
    found = candidates(ByVolume(), prototypes, ["Cu", "Au", "Pt"], tmp_path / "dos", engine=engine)
    assert sorted(found.ids) == ["CuAu-B2", "CuPt-B2"] and found.energies == pytest.approx([-0.27, -0.27])
    assert list(found.left_out) == ["AuPt-B2"] and "did not converge" in found.left_out["AuPt-B2"]
    summary = rank(found, PhasePool(["CuAu"], [-0.05]), tmp_path / "out", pictures=False)
    assert summary["candidates"] == 2 and summary["elements without a phase in the pool"] == ["Pt"]
    other = ByVolume()
    other.unit = "eV"
    with pytest.raises(UserError, match="in eV, a hull needs eV/atom"):
        candidates(other, prototypes, ["Cu", "Au"], tmp_path / "more", engine=engine)


def test_the_command_with_a_model(tmp_path, monkeypatch, capsys):
    """From a prototype's file to a ranked list; what was computed is not computed again."""
    from pymatgen.core import Lattice, Structure

    from esnet import engines
    from esnet.cli import PAPER

    calls = []
    monkeypatch.setitem(engines.ENGINES, "standin", f"{__name__}:engine")
    monkeypatch.setattr(type(PAPER), "load", lambda self, folder: calls.append(folder) or ByVolume())
    Structure(Lattice.cubic(3.0), ["Cs", "Cl"], [[0] * 3, [0.5] * 3]).to(str(tmp_path / "B2.cif"))
    (tmp_path / "pool.csv").write_text("formula,Ef\nCuAu,-0.05\nPtCu3,-0.1\n")
    names = ("--model", "m", "--pool", tmp_path / "pool.csv", "--output", tmp_path / "out", "--engine", "standin")
    assert run(*names, "--no-pictures") == 2
    assert "--model needs --prototypes and --elements" in capsys.readouterr().err
    names = (*names, "--prototypes", tmp_path / "B2.cif", "--no-pictures")
    assert run(*names, "--elements", "Cu,Xx") == 2
    assert "Xx is not a chemical element" in capsys.readouterr().err
    for _ in range(2):
        assert run(*names, "--elements", "Cu, Au,Pt") == 0
        err = capsys.readouterr().err
        assert "left out: AuPt-B2: " in err and "did not converge" in err and calls[-1] == "m"
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
    assert run(*names, "--elements", "Cu,Ag", "--relax", "1") == 2
    assert "CuAg-B2: an element has no reference energy" in capsys.readouterr().err
    assert run("--predictions", tmp_path / "pool.csv", "--relax", "3", *names[2:6]) == 2
    assert "--relax needs --model" in capsys.readouterr().err


# --- published predictions -----------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize(("task", "mae", "rmse"), [("IS2RE", 0.2654, 0.4063), ("RS2RE", 0.2320, 0.3743)])
def test_published_predictions(real_data, task, mae, rmse):
    """The printed errors, and an optimum within a few steps of the article's though the pool is another."""
    from esnet.screening.published import published_screening

    report = published_screening(task)
    errors = report["E_f (eV/atom)"]
    assert (round(errors["MAE"], 4), round(errors["RMSE"], 4)) == (mae, rmse)
    assert report["materials"] == 7165 and report["phases in the pool"] == 82348
    best = report["best F1"]
    assert best["E_f (eV/atom)"] == pytest.approx(-0.02, abs=0.03)
    assert best["E_hull (eV/atom)"] == pytest.approx(0.13, abs=0.05)
    assert report["article"]["C_opt PPCR + C_pre (s)"] == pytest.approx(664.67, abs=0.01)
    assert list(report["funnel"]) == list(report["article"]["funnel"])


def test_published_predictions_that_are_not_there(tmp_path, monkeypatch):
    from esnet.screening.published import published_screening

    monkeypatch.setenv("MATREPRO_DATA", str(tmp_path))
    with pytest.raises(UserError, match="set MATREPRO_DATA"):
        published_screening()
    with pytest.raises(UserError, match="choose one of IS2RE, RS2RE"):
        published_screening("S2EF")
