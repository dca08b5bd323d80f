"""Contributions to the JARVIS leaderboard."""

import json
import zipfile

import numpy as np
import pytest

from common.data.predictions import Predictions
from experiments.cli.main import main

NAME = "AI-SinglePropertyPrediction-exfoliation_energy-dft_3d-test-mae"


@pytest.fixture
def predicted(tmp_path):
    path = tmp_path / "predicted.csv"
    one = Predictions(np.array(["JVASP-1", "JVASP-2"]), np.array([1.5, 2.0]), np.array([1.0, 2.0]))
    one.save(path)
    return path


@pytest.fixture
def benchmark(tmp_path):
    path = tmp_path / "dft_3d_exfoliation_energy.json.zip"
    with zipfile.ZipFile(path, "w") as archive:
        content = {"train": {"JVASP-9": 1.0}, "val": {}, "test": {"JVASP-1": 1.0, "JVASP-2": 2.0}}
        archive.writestr("dft_3d_exfoliation_energy.json", json.dumps(content))
    return path


def submit(predicted, folder, *options, benchmark=NAME) -> int:
    start = ["submit", "jarvis", "finder", "--predictions", str(predicted), "--output", str(folder)]
    return main([*start, "--benchmark", benchmark, *options])


def test_the_files_of_a_contribution(predicted, benchmark, tmp_path, capsys):
    options = ["--benchmark-file", str(benchmark), "--email", "a@b.c", "--command-line", "finder train x", "--json"]
    assert submit(predicted, tmp_path / "out", *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tasks"] == [{"task": NAME, "n": 2, "mae": 0.25, "unit": "that of the predictions"}]
    with zipfile.ZipFile(tmp_path / "out" / f"{NAME}.csv.zip") as archive:
        assert archive.namelist() == [f"{NAME}.csv"]
        assert archive.read(f"{NAME}.csv").decode().splitlines() == ["id,prediction", "JVASP-1,1.5", "JVASP-2,2"]
    facts = json.loads((tmp_path / "out" / "metadata.json").read_text())
    assert facts["model_name"] == "finder_matrepro" and facts["author_email"] == "a@b.c"
    assert facts["time_taken_seconds"] == {f"{NAME}.csv.zip": ""}
    assert {"project_url", "date_submitted", "team_name", "language", "os", "software_used", "git_url"} <= set(facts)
    assert "finder train x" in (tmp_path / "out" / "run.sh").read_text()
    assert submit(predicted, tmp_path / "out", *options) == 2
    assert "holds a submission; choose another folder or add --overwrite" in capsys.readouterr().err
    assert submit(predicted, tmp_path / "out", *options, "--overwrite") == 0


def test_equal_predictions_give_equal_files(predicted, tmp_path):
    for name in ("one", "two"):
        assert submit(predicted, tmp_path / name) == 0
    one, other = (tmp_path / name / f"{NAME}.csv.zip" for name in ("one", "two"))
    assert one.read_bytes() == other.read_bytes()


def test_what_cannot_be_submitted(predicted, benchmark, tmp_path, capsys):
    def refused(*options, **changes) -> str:
        assert submit(predicted, tmp_path / "out", *options, **changes) == 2
        return capsys.readouterr().err

    assert "is not a benchmark of a single property" in refused(benchmark="exfoliation_energy")
    assert (
        main(["submit", "jarvis", "findr", "--predictions", str(predicted), "--output", "x", "--benchmark", NAME]) == 2
    )
    assert "unknown model 'findr'" in capsys.readouterr().err
    assert "is no benchmark file of the JARVIS" in refused("--benchmark-file", str(predicted))
    Predictions(np.array(["JVASP-1"]), np.array([1.5])).save(predicted)
    assert "the predictions lack JVASP-2; predict the 2" in refused("--benchmark-file", str(benchmark))
    Predictions(np.array(["JVASP-1", "JVASP-2", "x"]), np.zeros(3)).save(predicted)
    assert "the predictions have the unknown id x" in refused("--benchmark-file", str(benchmark))
    predicted.write_text("id,value\na,1\n")
    assert "holds no predictions" in refused()
