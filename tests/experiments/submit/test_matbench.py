"""Matbench submissions from stored results and from cross-validations."""

import gzip
import importlib.util
import json

import numpy as np
import pytest

from common.data.predictions import Predictions
from common.errors import UserError
from common.sources.remote.matbench import FOLDS, folds, ids
from experiments.cli.main import main
from experiments.submit import matbench
from experiments.submit.folds import TaskResult, checked, stored_results, task_of

N = 312  # materials of matbench_steels


def predictions_of(fold: int, **changes) -> Predictions:
    rows = np.flatnonzero(folds(N) == fold)
    values = np.linspace(1000, 2000, N)[rows]
    return Predictions(np.array(ids("steels", N))[rows][::-1], (values + 10)[::-1], values[::-1], **changes)


@pytest.fixture
def result() -> TaskResult:
    settings = {"model": "finder", "variant": "corrected", "seed": 0}
    parts = {fold: predictions_of(fold) for fold in range(FOLDS)}
    versions = {"python": "3.11", "keras": "3.15"}
    return checked(TaskResult("steels", parts, settings, versions, "finder train x", "finder"))


def test_a_record_has_all_folds_scores_and_a_hash(result, tmp_path):
    paths = matbench.write(tmp_path, [result], algorithm="Finder", authors="A", notes="")
    assert [path.name for path in paths] == ["results.json.gz", "info.json", "run.py"]
    record = json.loads(gzip.decompress(paths[0].read_bytes()))
    assert set(record) == {
        "@module",
        "@class",
        "version",
        "tasks",
        "user_metadata",
        "benchmark_name",
        "datestamp",
        "hash",
    }
    stated = record.pop("hash")
    assert stated == matbench.record_hash(record)
    task = record["tasks"]["matbench_steels"]
    assert set(task) == {"@module", "@class", "benchmark_name", "dataset_name", "results"}
    assert list(task["results"]) == [f"fold_{k}" for k in range(FOLDS)]
    seen = [name for fold in task["results"].values() for name in fold["data"]]
    assert sorted(seen) == ids("steels", N)
    for fold in task["results"].values():
        assert set(fold) == {"data", "parameters", "scores"} and all(type(v) is float for v in fold["data"].values())
        assert fold["scores"]["mae"] == pytest.approx(10)
        assert set(fold["scores"]) == {"mae", "rmse", "mape", "max_error"}
    info = json.loads(paths[1].read_text())
    assert set(info) == {"authors", "algorithm", "algorithm_long", "bibtex_refs", "notes", "requirements"}
    assert "keras==3.15" in info["requirements"]["python"] and "Formula graph self-attention" in info["bibtex_refs"][0]
    compile(paths[2].read_text(), "run.py", "exec")


@pytest.mark.skipif(importlib.util.find_spec("matbench") is None, reason="matbench is not installed")
def test_the_package_matbench_reads_the_record(result):
    from matbench.bench import MatbenchBenchmark

    read = MatbenchBenchmark.from_dict(matbench.as_record([result], {}))
    assert read.matbench_steels.scores["mae"]["mean"] == pytest.approx(10)


def test_errors_of_targets_near_zero():
    one = Predictions(np.array(["a", "b"]), np.array([1.0, 3.0]), np.array([0.0, 2.0]))
    assert matbench.scores(one) == {"mae": 1.0, "rmse": 1.0, "mape": 0.5, "max_error": 1.0}


def test_what_is_not_the_official_folds(result):
    swapped = {**result.folds, 0: result.folds[1], 1: result.folds[0]}
    with pytest.raises(UserError, match="is not in the official fold 0"):
        checked(TaskResult("steels", swapped, {}, {}, ""))
    short = {**result.folds, 0: result.folds[0].take(np.arange(3))}
    with pytest.raises(UserError, match="or materials are missing"):
        checked(TaskResult("steels", short, {}, {}, ""))
    with pytest.raises(UserError, match="'steel' is not one of the regression tasks of Matbench"):
        task_of("steel")
    with pytest.raises(UserError, match="matbench_steels needs predictions of 5 folds, not 1"):
        checked(TaskResult("steels", {0: result.folds[0]}, {}, {}, ""))
    with pytest.raises(UserError, match="no known values"):
        checked(TaskResult("steels", {0: Predictions(np.array(["a"]), np.array([1.0]))}, {}, {}, ""))


# --- the command -------------------------------------------------------------------------------------


def test_stored_results_are_submitted(tmp_path, capsys):
    arguments = ["submit", "matbench", "finder", "--output", str(tmp_path), "--json"]
    assert main([*arguments, "--tasks", "matbench_dielectric"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tasks"][0]["task"] == "matbench_dielectric" and found["tasks"][0]["n"] == 4764
    record = json.loads(gzip.decompress((tmp_path / "results.json.gz").read_bytes()))
    parameters = record["tasks"]["matbench_dielectric"]["results"]["fold_0"]["parameters"]
    assert parameters["model"] == "finder" and parameters["config"]["layers"] == 2
    assert found["tasks"][0]["unit"] == "1"
    (tmp_path / "info.json").write_text("edited")
    assert main([*arguments, "--tasks", "matbench_dielectric"]) == 2
    assert "holds a submission" in capsys.readouterr().err and (tmp_path / "info.json").read_text() == "edited"
    assert main([*arguments, "--tasks", "matbench_log_kvrh"]) == 2
    assert "matbench_log_kvrh: no stored result of fold 2, 3, 4; declare these" in capsys.readouterr().err
    # The row of the paper's model goes before rows of other recipes, which are named.
    assert main([*arguments, "--tasks", "matbench_dielectric", "--row", "Finder (fast)"]) == 2
    assert "no stored result of fold" in capsys.readouterr().err
    with pytest.raises(UserError, match="no table at scale mini has finder on the official folds"):
        stored_results("finder", ["dielectric"], "mini")


def test_the_package_matbench_reads_a_submission(tmp_path):
    bench = pytest.importorskip("matbench.bench", reason="matbench is not installed; it pins packages of 2022")
    assert main(["submit", "matbench", "finder", "--output", str(tmp_path), "--tasks", "matbench_dielectric"]) == 0
    plain = tmp_path / "results.json"
    plain.write_bytes(gzip.decompress((tmp_path / "results.json.gz").read_bytes()))
    (task,) = bench.MatbenchBenchmark.from_file(plain).tasks
    assert task.all_folds_recorded and abs(task.scores["mae"]["mean"] - 0.30905) < 1e-4


@pytest.fixture
def crossed(tmp_path):
    """The folder of a cross-validation on official folds, without its weights."""
    folder = tmp_path / "crossed"
    (folder / "member-0").mkdir(parents=True)
    lines = ["id,fold,target,prediction"]
    for fold in range(FOLDS):
        one = predictions_of(fold)
        rows = zip(one.ids, one.target, one.prediction, strict=True)
        lines += [f"{name},{fold + 1},{target},{value}" for name, target, value in rows]
    (folder / "predictions.csv").write_text("\n".join(lines) + "\n")
    card = {"format": 1, "model": "finder", "variant": "corrected", "config": {}, "recipe": {}, "seed": 0}
    card |= {"target": "yield_strength", "unit": "MPa", "weights": ""}
    (folder / "member-0" / "model.json").write_text(json.dumps(card))
    return folder


def test_a_cross_validation_is_submitted(crossed, tmp_path, capsys):
    arguments = ["submit", "matbench", "finder", "--run", str(crossed), "--output", str(tmp_path / "out")]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "matbench_steels" in out and "MPa" in out
    program = (tmp_path / "out" / "run.py").read_text()
    assert "finder train matbench-steels --target yield_strength --folds given --network finder" in program
    assert main([*arguments, "--run", str(crossed)]) == 2
    assert "two folders hold matbench_steels" in capsys.readouterr().err
    assert main(["submit", "matbench", "rescnn", *arguments[3:]]) == 2
    assert "--run holds a model finder, not rescnn" in capsys.readouterr().err
    (crossed / "predictions.csv").write_text("id,fold,target,prediction\na,1,1,1\n")
    assert main(arguments) == 2
    assert "holds no predictions of a Matbench task" in capsys.readouterr().err
    assert main(["submit", "matbench", "finder", "--run", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert "has no predictions.csv; train it with --folds given" in capsys.readouterr().err
