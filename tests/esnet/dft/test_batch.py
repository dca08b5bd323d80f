"""A killed batch resumes, lists failures and repeats them on request."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import h5py
import numpy as np
import pytest

from common.chem.crystal import Crystal
from common.errors import UserError
from common.sources import densities
from esnet.dft.backends import BackendMissing, Settings
from esnet.dft.batch import run_batch
from esnet.dft.batch_folder import read_jobs

SCRIPT = """
import sys, numpy as np
from common.chem.crystal import Crystal
from esnet.dft.batch import run_batch
places = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
jobs = [(f"m{z}", Crystal(np.array([z, 8]), 8 * np.eye(3), places)) for z in range(11, 21)]
run_batch(jobs, sys.argv[1], processes=int(sys.argv[2]))
"""


def jobs(*numbers: int) -> list[tuple[str, Crystal]]:
    places = np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]])
    return [(f"m{z}", Crystal(np.array([z, 8]), 8.0 * np.eye(3), places)) for z in numbers]


def asked(calls) -> list[int]:
    return sorted(call["numbers"][0] for call in calls())


@pytest.mark.parametrize("processes", [1, 3])
def test_a_batch(standin, tmp_path, processes):
    report = run_batch(jobs(11, 12, 13, 84), tmp_path / "batch", processes=processes)
    assert report.finished == ["m11", "m12", "m13"] and report.path == tmp_path / "batch" / "dos.h5"
    assert list(report.failed) == ["m84"] and "no PAW dataset for Po" in report.failed["m84"]
    table = densities.load(report.path)
    assert table.ids.tolist() == ["m11", "m12", "m13"] and np.array_equal(table.structure(1).numbers, [12, 8])
    assert table.target("total_energy").values.tolist() == [-3.0] * 3
    with h5py.File(report.path) as file:
        assert file.attrs["plane_wave_cutoff_eV"] == 400 and file.attrs["engine"] == "Stand-in 1.0"
        assert file["failed/m84"].attrs["reason"] == report.failed["m84"]
    assert not list((tmp_path / "batch" / "parts").iterdir())


def test_nothing_is_done_twice(standin, tmp_path):
    run_batch(jobs(11, 12, 84), tmp_path)
    again = run_batch(jobs(11, 12, 84), tmp_path)
    assert asked(standin) == [11, 12, 84] and again.finished == ["m11", "m12"] and list(again.failed) == ["m84"]
    # More jobs join the list, and the report keeps to those asked for; None asks for the whole list.
    assert run_batch(jobs(13), tmp_path).finished == ["m13"] and not run_batch(jobs(13), tmp_path).failed
    assert run_batch([], tmp_path).finished == []
    assert run_batch(None, tmp_path).finished == ["m11", "m12", "m13"]
    assert asked(standin) == [11, 12, 13, 84] and list(read_jobs(tmp_path)) == ["m11", "m12", "m84", "m13"]


def test_failures_are_tried_again_when_asked(standin, tmp_path):
    """A time limit that was too short, given more time."""

    def backend(crystal, settings, time_limit):
        from esnet.dft.backends import compute

        if crystal.numbers[0] == 12 and time_limit < 10:
            raise UserError(f"not finished within the time limit of {time_limit} s")
        return compute(crystal)

    assert list(run_batch(jobs(11, 12), tmp_path, backend=backend, time_limit=5).failed) == ["m12"]
    assert list(run_batch(jobs(11, 12), tmp_path, backend=backend, time_limit=50).failed) == ["m12"]
    report = run_batch(jobs(11, 12), tmp_path, backend=backend, time_limit=50, retry=True)
    assert report.finished == ["m11", "m12"] and not report.failed and asked(standin) == [11, 12]
    with h5py.File(report.path) as file:
        assert list(file["failed"]) == []


def test_only_what_is_asked_for_is_computed(standin, tmp_path, monkeypatch):
    """A list that was begun waits while another is wanted."""
    monkeypatch.setenv("MATREPRO_GPAW_PYTHON", str(tmp_path / "nothing"))
    with pytest.raises(BackendMissing):
        run_batch(jobs(11, 12, 13), tmp_path)
    monkeypatch.undo()
    backend = partial(_recorded, record := [])
    assert run_batch(jobs(12), tmp_path, backend=backend).failed == {"m12": "seen"} and record == [12]
    assert set(run_batch(None, tmp_path, backend=backend).failed) == {"m11", "m12", "m13"} and sorted(record) == [
        11,
        12,
        13,
    ]


def _recorded(record, crystal, settings, time_limit):
    record.append(int(crystal.numbers[0]))
    raise UserError("seen")


def test_strict_stops_at_the_first_failure(standin, tmp_path):
    with pytest.raises(UserError, match=r"m84: .*no PAW dataset for Po"):
        run_batch(jobs(11, 84, 12), tmp_path, strict=True)
    assert asked(standin)[:1] == [11] and 12 not in asked(standin)
    # An earlier failure is reported at once, and finished results are preserved.
    with pytest.raises(UserError, match=r"m84: .*no PAW dataset for Po"):
        run_batch(jobs(84, 12), tmp_path, strict=True)
    assert run_batch(jobs(11, 12), tmp_path, strict=True).finished == ["m11", "m12"] and asked(standin) == [11, 12, 84]


def test_strict_keeps_what_is_running(standin, tmp_path, monkeypatch, capsys):
    """The concurrent calculation is finished and stored, and no further one is started."""
    monkeypatch.setenv("STANDIN_SECONDS", "0.5")
    names = jobs(11, 84, *range(12, 40))
    with pytest.raises(UserError, match=r"m84: .*no PAW dataset for Po"):
        run_batch(names, tmp_path, strict=True, processes=2)
    with h5py.File(tmp_path / "dos.h5") as file:
        stored = {int(name[1:]) for name in file["materials"]}
    assert 11 in stored and stored | {84} == set(asked(standin)) and len(stored) < 10
    assert "cancelled" not in capsys.readouterr().err


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_it_goes_on(standin, tmp_path, monkeypatch, processes):
    monkeypatch.setenv("STANDIN_SECONDS", "0.3")
    killed = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), str(processes)])
    end = time.monotonic() + 120
    while len(list((tmp_path / "parts").glob("[!.]*.h5"))) < 3:
        assert time.monotonic() < end and killed.poll() is None, "waited in vain"
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    stored = {path.stem for path in (tmp_path / "parts").glob("[!.]*.h5")}
    before = len(standin())
    monkeypatch.setenv("STANDIN_SECONDS", "0")
    report = run_batch(None, tmp_path)
    assert report.finished == [f"m{z}" for z in range(11, 21)]
    # The last calculations of the killed run may still have been beginning: no more than that is done again.
    after = {f"m{call['numbers'][0]}" for call in standin()[before:]}
    assert after == set(report.finished) - stored


def test_interrupted_it_keeps_what_is_finished(standin, tmp_path, monkeypatch):
    monkeypatch.setenv("STANDIN_SECONDS", "1")
    stopped = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path), "2"],
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Where the tests run in the background of a shell, interruptions are ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    end = time.monotonic() + 120
    while not list((tmp_path / "parts").glob("[!.]*.h5")):
        assert time.monotonic() < end and stopped.poll() is None, "waited in vain"
        time.sleep(0.02)
    os.killpg(stopped.pid, signal.SIGINT)  # as a terminal does
    assert stopped.wait() != 0
    stopped.stderr.close()
    with h5py.File(tmp_path / "dos.h5") as file:
        finished = set(file["materials"])
        assert 1 <= len(finished) < 10
    before = len(standin())
    monkeypatch.setenv("STANDIN_SECONDS", "0")
    # A calculation that the interruption took along is no property of its material.
    report = run_batch(None, tmp_path, retry=True)
    assert len(report.finished) == 10
    assert {f"m{call['numbers'][0]}" for call in standin()[before:]} == set(report.finished) - finished


def test_another_executor(standin, tmp_path):
    seen = []

    def backwards(function, items, processes):
        items = list(items)
        seen.append((len(items), processes))
        for item in reversed(items):
            yield function(*item)

    report = run_batch(jobs(11, 12, 13), tmp_path, executor=backwards, processes=7)
    assert seen == [(3, 7)] and report.finished == ["m11", "m12", "m13"]


def test_a_missing_backend_is_no_failure_of_the_materials(monkeypatch, tmp_path):
    monkeypatch.setenv("MATREPRO_GPAW_PYTHON", str(tmp_path / "nothing"))
    with pytest.raises(BackendMissing, match="cannot import gpaw"):
        run_batch(jobs(11, 12), tmp_path / "batch")
    assert not (tmp_path / "batch" / "dos.h5").exists() and len(read_jobs(tmp_path / "batch")) == 2


def test_what_cannot_be_one_batch(standin, tmp_path):
    run_batch(jobs(11), tmp_path)
    with pytest.raises(UserError, match="started with other settings"):
        run_batch(jobs(11), tmp_path, settings=Settings(cutoff=300.0))
    other = [("m11", jobs(12)[0][1])]
    with pytest.raises(UserError, match="m11 is another structure"):
        run_batch(other, tmp_path)
    with pytest.raises(UserError, match="'a/b' cannot name a material"):
        run_batch([("a/b", jobs(12)[0][1])], tmp_path)
    with pytest.raises(UserError, match=r"dos.h5 exists and does not belong to this batch"):
        run_batch(jobs(11), tmp_path / "new", output=tmp_path / "dos.h5")
    with open(tmp_path / "jobs.jsonl", "a") as file:
        file.write('{"id": "half"')
    with pytest.raises(UserError, match="line 2 is damaged"):
        run_batch(jobs(11), tmp_path)


def test_two_runs_at_once_are_refused(standin, tmp_path):
    def backend(crystal, settings, time_limit):
        with pytest.raises(UserError, match="another run is at work"):
            run_batch(None, tmp_path)
        raise UserError("seen")

    assert run_batch(jobs(11), tmp_path, backend=backend).failed == {"m11": "seen"}


@pytest.mark.slow
def test_a_full_disk(standin, tmp_path, disk_of):
    """What is finished stays, and there is one line."""
    run_batch(jobs(11), tmp_path)
    with disk_of(20_000), pytest.raises(UserError, match="cannot write"):
        run_batch(jobs(*range(12, 30)), tmp_path)
    assert set(run_batch(None, tmp_path).finished) == {f"m{z}" for z in (11, *range(12, 30))}


def test_the_job_list_is_plain(standin, tmp_path):
    run_batch(jobs(11), tmp_path)
    (line,) = (tmp_path / "jobs.jsonl").read_text().splitlines()
    assert json.loads(line)["id"] == "m11" and json.loads(line)["numbers"] == [11, 8]
