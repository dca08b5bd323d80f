"""Cells are run once, stored whole, and go on where they were killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from common.compute import processes
from common.data.predictions import Predictions
from common.errors import UserError
from common.io.files import cache_root
from common.sources import load_source
from experiments.declare import plan
from experiments.run import inputs, runner, store


def test_a_finished_cell_holds_all_that_is_needed_to_judge_it(tiny):
    cell = plan.runs("tiny", "one", "mini")[2]
    runner.execute(cell)
    record = json.loads((store.folder_of(cell) / "cell.json").read_text())
    stored = Predictions.load(store.folder_of(cell) / "predictions.csv.gz")
    table = load_source("mini")
    split = inputs.make_split(table, cell.settings["split"], cell.seed)
    assert list(stored.ids) == list(split.test)
    assert np.allclose(stored.target, table.select(split.test).target("band_gap").values)
    assert np.allclose(stored.prediction, np.median(table.select(split.train).target("band_gap").values))
    assert record["split"]["digest"] == split.digest()
    assert record["data"] == {"digest": table.digest("band_gap"), "rows": 336}
    assert record["unit"] == "eV"
    assert {"device", "versions", "wall_seconds", "settings", "resolved"} <= record.keys()
    assert not any((cache_root() / "runs").iterdir())


def test_a_finished_cell_is_not_run_again_but_one_with_other_settings_is(tiny):
    cells = plan.runs("tiny", "one", "mini")[2:]
    for cell in cells:
        runner.execute(cell)
    stamps = [(store.folder_of(c) / "cell.json").stat().st_mtime_ns for c in cells]
    assert runner.run_all(cells) == []
    assert stamps == [(store.folder_of(c) / "cell.json").stat().st_mtime_ns for c in cells]
    record = json.loads((store.folder_of(cells[0]) / "cell.json").read_text())
    (store.folder_of(cells[0]) / "cell.json").write_text(json.dumps(record | {"digest": "0" * 16}))
    assert not store.finished(cells[0])
    assert store.finished(cells[1])


def test_a_failing_run_is_reported_and_the_others_are_run(tiny):
    import dataclasses

    good = plan.runs("tiny", "one", "mini")[2]
    bad = dataclasses.replace(good, row="bad", settings={**good.settings, "target": "hardness"})
    wrong = runner.run_all([bad, good])
    assert len(wrong) == 1
    assert "no target 'hardness'" in wrong[0]
    assert store.finished(good)
    assert not store.finished(bad)


def test_a_source_that_is_away_is_named_once_and_the_others_are_run(tiny, monkeypatch, capsys, tmp_path):
    import dataclasses

    monkeypatch.setenv("MATREPRO_DATA", str(tmp_path))
    good = plan.runs("tiny", "one", "mini")[2]
    away = [
        dataclasses.replace(good, seed=seed, settings={**good.settings, "source": "exp-band-gap", "seed": seed})
        for seed in (5, 6)
    ]
    wrong = runner.run_all([*away, good])
    assert len(wrong) == 2 and all("set MATREPRO_DATA" in line for line in wrong)
    assert capsys.readouterr().err.count("set MATREPRO_DATA") == 1
    assert store.finished(good)


def test_machines_that_share_one_training_are_no_way_to_run_a_table(tiny, monkeypatch):
    cells = plan.runs("tiny", "one", "mini")
    workers = {"worker": ["a:1", "b:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": workers, "task": {"type": "worker", "index": 0}}))
    with pytest.raises(UserError, match="unset it and give --executor ray"):
        runner.run_all(cells)
    assert not any(store.finished(cell) for cell in cells)


def test_a_process_that_is_killed_fails_its_own_cell_alone(tiny, monkeypatch):
    bad, good = plan.runs("tiny", "one", "mini")[2:]
    start = processes.Running.__init__

    def kill_the_first(self, function, item):
        start(self, function, item)
        if item[0] is bad:
            self.process.kill()

    monkeypatch.setattr(processes.Running, "__init__", kill_the_first)
    assert runner.run_all([bad, good], jobs=2) == [f"{bad.key}: its process ended with status -9"]
    assert store.finished(good) and not store.finished(bad)


SCRIPT = """
from experiments.declare.plan import Run
from experiments.run import runner
cell = Run("tiny", "one", "mini", "gap", "net", 0, {settings!r})
runner.execute(cell)
"""


@pytest.mark.slow
def test_a_killed_cell_goes_on_and_ends_as_one_left_alone(tiny, tmp_path):
    settings = plan.runs("tiny", "one", "mini", epochs=60)[0].settings
    settings["recipe"]["checkpoint_seconds"] = 0
    results = []
    for name, kill in (("alone", False), ("killed", True)):
        environment = os.environ | {
            "MATREPRO_RESULTS": str(tmp_path / name),
            "MATREPRO_CACHE": str(tmp_path / f"{name}-cache"),
            "TF_DETERMINISTIC_OPS": "1",
        }
        command = [sys.executable, "-c", SCRIPT.format(settings=settings)]
        where = Path(__file__).parents[3]
        if kill:
            process = subprocess.Popen(command, env=environment, cwd=where)
            runs = tmp_path / f"{name}-cache" / "runs"
            while process.poll() is None and not list(runs.glob("*/checkpoint.npz")):
                time.sleep(0.05)
            time.sleep(0.5)
            assert process.poll() is None, "the run ended before it could be killed"
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert not list((tmp_path / name).rglob("cell.json"))
        subprocess.run(command, env=environment, cwd=where, check=True)
        results.append(Predictions.load(next((tmp_path / name).rglob("predictions.csv.gz"))))
    assert np.allclose(results[0].prediction, results[1].prediction, atol=1e-4)


def test_damaged_files_are_named_and_computed_again(stored, capsys):
    for name, run in zip(("predictions.csv.gz", "cell.json"), stored, strict=True):
        path = store.folder_of(run) / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert not store.finished(run) and f"{name} is damaged" in store.damage(run)
    assert runner.run_all(stored) == [] and all(store.finished(run) for run in stored)
    assert capsys.readouterr().err.count("running again: ") == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": {"processor": "x", "cores": "2", "threads": "two"}}, 'device.threads is "two"'),
        ({"device": "a laptop"}, 'device is "a laptop"'),
        ({"split": {"digest": "x"}}, "split lacks n_test"),
        ({"parameters": "many"}, 'parameters is "many"'),
        ({"wall_seconds": None}, "wall_seconds is null"),
    ],
)
def test_wrong_values_of_a_record_are_named(stored, change, words):
    path = store.folder_of(stored[0]) / store.RECORD
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert words in store.damage(stored[0]) and "matrepro reproduce" in store.damage(stored[0])
