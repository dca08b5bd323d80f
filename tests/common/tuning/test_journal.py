"""A search is written down trial by trial, goes on where it was killed, and says what failed."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from common.errors import UserError
from common.io.locks import alone
from common.tuning import plot, space
from common.tuning.journal import Journal, Trial, work
from common.tuning.space import Axis

AXES = [Axis("x", "float", 0.0, 4.0), Axis("way", "str", values=("a", "b"))]


def train(fixed: dict, number: int, settings: dict) -> dict:
    """No network, but a valley with its bottom at x = 3; leaves a file a call."""
    Path(fixed["folder"], f"seen-{number}-{os.getpid()}").touch()
    time.sleep(fixed.get("seconds", 0.0))
    if settings["x"] > fixed.get("limit", 9.0):
        raise UserError("the loss is not a number after epoch 1; lower the learning rate")
    return {"error": (settings["x"] - 3) ** 2 + (settings["way"] == "b"), "best_epoch": 2, "epochs": 3, "seconds": 0.1}


def propose(journal: Journal, number: int) -> dict:
    return space.sobol(AXES, number, 0)


def seen(folder: Path) -> list[int]:
    return sorted(int(path.name.split("-")[1]) for path in folder.glob("seen-*"))


def test_trials_are_lines_and_nothing_is_done_twice(tmp_path):
    journal, fixed = Journal(tmp_path / "search", {"seed": 0}), {"folder": str(tmp_path)}
    work(journal, 3, propose, train, fixed, 2)
    lines = [json.loads(line) for line in (tmp_path / "search" / "trials.jsonl").read_text().splitlines()]
    assert sorted(line["number"] for line in lines) == [0, 1, 2]
    for line in lines:
        assert line["settings"] == space.sobol(AXES, line["number"], 0) and line["epochs"] == 3
        assert line["error"] == (line["settings"]["x"] - 3) ** 2 + (line["settings"]["way"] == "b")
    again = Journal(tmp_path / "search", {"seed": 0})
    work(again, 5, propose, train, fixed, 2)
    assert seen(tmp_path) == [0, 1, 2, 3, 4] == sorted(again.trials)
    assert again.ranking()[0].error == min(trial.error for trial in again.trials.values())
    assert json.loads((tmp_path / "search" / "open.json").read_text()) == {}


def test_what_is_proposed_may_depend_on_what_is_known(tmp_path):
    known = []

    def look(journal, number):
        known.append((number, len(journal.known()), len(journal.under_way)))
        return space.sobol(AXES, number, 0)

    work(Journal(tmp_path / "search", {}), 4, look, train, {"folder": str(tmp_path)}, 1)
    assert known == [(0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 3, 0)]


def test_failures_are_kept_and_tried_again_when_asked(tmp_path):
    folder, fixed = tmp_path / "search", {"folder": str(tmp_path)}
    journal = Journal(folder, {})
    work(journal, 4, propose, train, fixed | {"limit": 2.0}, 2)
    bad = [number for number in range(4) if space.sobol(AXES, number, 0)["x"] > 2.0]
    assert 0 < len(bad) < 4 and [t.number for t in sorted(journal.failed(), key=lambda t: t.number)] == bad
    assert all("loss is not a number" in trial.reason for trial in journal.failed())
    again = Journal(folder, {})
    assert sorted(t.number for t in again.failed()) == bad and all(math.isnan(t.error) for t in again.failed())
    work(again, 4, propose, train, fixed, 2)
    assert len(seen(tmp_path)) == 4  # they count as tried
    again.retry()
    work(again, 4, propose, train, fixed, 2)
    assert again.failed() == [] and len(seen(tmp_path)) == 4 + len(bad)
    assert sorted(Journal(folder, {}).trials) == [0, 1, 2, 3]


SCRIPT = """
import sys
from common.tuning.journal import Journal, work
from tests.common.tuning.test_journal import propose, train
if __name__ == "__main__":
    fixed = {"folder": sys.argv[1], "seconds": 0.4}
    work(Journal(sys.argv[1] + "/search", {}), 6, propose, train, fixed, 2)
"""


def test_killed_it_goes_on(tmp_path):
    where = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": str(where)}
    killed = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], env=environment, cwd=where)
    lines, end = tmp_path / "search" / "trials.jsonl", time.monotonic() + 120
    while not lines.exists() or lines.read_text().count("\n") < 2:
        assert killed.poll() is None and time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with open(lines, "a") as file:
        file.write('{"number": 5, "sett')  # as a kill in the middle of a line leaves it
    journal = Journal(tmp_path / "search", {})
    done, before = set(journal.trials), seen(tmp_path)
    assert 2 <= len(done) < 6 and set(before) - done <= set(journal.under_way) and len(journal.under_way) <= 2
    work(journal, 6, propose, train, {"folder": str(tmp_path)}, 2)
    assert sorted(journal.trials) == [0, 1, 2, 3, 4, 5]
    assert sorted(json.loads(line)["number"] for line in lines.read_text().splitlines()) == [0, 1, 2, 3, 4, 5]
    after = seen(tmp_path)
    assert all(after.count(number) == before.count(number) for number in done)


def test_another_search_in_the_folder_is_refused(tmp_path):
    Journal(tmp_path, {"seed": 0, "method": "grid"})
    with pytest.raises(UserError, match="holds another search, with seed 0, not 1; choose another folder"):
        Journal(tmp_path, {"seed": 1, "method": "grid"})
    with alone(tmp_path), pytest.raises(UserError, match="another run is at work"), alone(tmp_path):
        pass


@pytest.mark.parametrize("line", ["{}", "nothing", '{"number": 1, "settings": {}}'])
def test_a_damaged_line_is_named(tmp_path, line):
    Journal(tmp_path, {}).end(Trial(0, {"x": 1.0}, 0.5))
    with open(tmp_path / "trials.jsonl", "a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=r"trials.jsonl, line 2 is damaged .*delete the line"):
        Journal(tmp_path, {})


def test_a_full_disk_loses_no_line_that_was_written(tmp_path, disk_of):
    journal = Journal(tmp_path, {})
    journal.end(Trial(0, {"x": 1.0}, 0.5))
    with disk_of(100), pytest.raises(UserError, match="cannot write"):
        journal.end(Trial(1, {"x": 2.0, "y": "z" * 500}, 0.25))
    assert list(Journal(tmp_path, {}).trials) == [0]


def test_the_picture_marks_the_best(tmp_path):
    errors = [0.5, 0.3, 0.9, 0.2, 7.0]
    trials = [Trial(i, {"x": 1.0 + i, "way": "ab"[i % 2]}, error) for i, error in enumerate(errors)]
    path = tmp_path / "trials.svg"
    plot.draw(path, trials, AXES, metric="MAE", unit="eV/atom", name="a search")
    text = path.read_text()
    assert "best: trial 4, 0.2 eV/atom" in text and "above: 1" in text and text.count("validation MAE (eV/atom)") == 3
    plot.draw(tmp_path / "one.png", trials[:1], AXES, metric="MSE", unit="", name="one")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_bayesian_search_finds_the_valley():
    pytest.importorskip("ax", reason="Ax is not installed: pip install -e '.[tune]'")
    from common.tuning import bayesian

    axes = [Axis("batch", "int", 16, 65), Axis("rate", "float", 0.0005, 0.002), Axis("epochs", "int", values=(5,))]

    def error(settings):
        return ((settings["batch"] - 40) / 20) ** 2 + (1000 * settings["rate"] - 1.2) ** 2

    known = [(settings := bayesian.propose(axes, [], [], n, 0), error(settings)) for n in range(bayesian.first(axes))]
    first = min(value for _, value in known)
    for number in range(len(known), len(known) + 3):
        settings = bayesian.propose(axes, known, [], number, 0)
        assert 16 <= settings["batch"] <= 65 and type(settings["batch"]) is int and settings["epochs"] == 5
        assert 0.0005 <= settings["rate"] <= 0.002
        known.append((settings, error(settings)))
    assert min(value for _, value in known) < first / 2
    # The same journal gives the same proposal, and one that is under way is not proposed again.
    again = bayesian.propose(axes, known[:-1], [], number, 0)
    assert again == known[-1][0]
    assert bayesian.propose(axes, known[:-1], [again], number, 0) != again


def test_bayesian_search_among_few_settings():
    """Ax refuses to go on where it knows all that there is."""
    pytest.importorskip("ax", reason="Ax is not installed: pip install -e '.[tune]'")
    from common.tuning import bayesian

    axes = [Axis("batch", "int", values=(32, 128))]
    known = [({"batch": batch}, 1.0) for batch in (32, 128, 32, 128, 32)]
    assert bayesian.propose(axes, known, [], 5, 0)["batch"] in (32, 128)


def test_without_ax_the_search_says_what_is_missing(monkeypatch):
    from common.tuning import bayesian

    monkeypatch.setattr(bayesian, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs Ax: pip install -e '.\[tune\]', or choose --method random"):
        bayesian.check()
    assert bayesian.propose(AXES, [], [], 1, 0) == space.sobol(AXES, 1, 0)
    assert np.isfinite(bayesian.propose(AXES, [], [], 0, 0)["x"])
