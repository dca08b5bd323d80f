"""Calls in processes of their own: what they return, how they fail, and that none outlives its parent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from common.compute.processes import apart, in_processes
from common.errors import UserError


def work(what: str, size: int = 0):
    if what == "raise":
        raise UserError("a clear line")
    if what == "die":
        os._exit(7)
    if what == "main":
        return getattr(sys.modules["__main__"], "__file__", None)
    return os.getpid(), np.arange(size)


def test_each_call_has_a_process_of_its_own_and_may_return_much():
    items = [("pid", 1_000_000), ("pid", 3), ("raise",), ("die",)]
    found = {outcome.item: outcome for outcome in in_processes(work, items, 2)}
    assert list(found) != [] and set(found) == set(items)
    pids = {found[item].value[0] for item in items[:2]}
    assert len(pids) == 2 and os.getpid() not in pids
    assert found[items[0]].value[1].sum() == 499_999_500_000 and found[items[0]].reason == ""
    assert found[("raise",)].reason == "a clear line"
    assert found[("die",)].reason == "its process ended with status 7"


def test_the_next_item_is_asked_for_when_there_is_room():
    """So that a search can look at what has ended before."""
    ended, asked = [], []

    def items():
        for number in range(4):
            asked.append((number, len(ended)))
            yield ("pid", number)

    for outcome in in_processes(work, items(), 1):
        ended.append(outcome.item)
    assert asked == [(0, 0), (1, 1), (2, 2), (3, 3)] and len(ended) == 4


def test_calls_that_are_left_are_stopped(tmp_path):
    outcomes = in_processes(time.sleep, [(0.0,), (300.0,)], 2)
    assert next(outcomes).item == (0.0,)
    outcomes.close()
    assert _children() == []


def _children() -> list[str]:
    """Processes of the call that sleeps; the ones that track resources live on."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            line = path.with_name("cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z" and "spawn_main" in line:
            found.append(line)
    return found


def test_apart_waits_for_one():
    assert apart(work, "raise") == ("a clear line", None)
    reason, (pid, values) = apart(work, "pid", 3)
    assert reason == "" and pid != os.getpid() and values.tolist() == [0, 1, 2]


def test_apart_spares_the_child_the_main_module(monkeypatch, tmp_path):
    main = tmp_path / "main.py"
    main.write_text("raise SystemExit('imported')")
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(main), raising=False)
    (outcome,) = in_processes(work, [("main",)], 1)
    assert outcome.reason == "its process ended with status 1"  # as it is elsewhere
    assert apart(work, "main") == ("", None)


PARENT = """
import multiprocessing, os, sys, time
from common.compute.processes import leave_with_the_parent
def child(path):
    leave_with_the_parent()
    with open(path + ".part", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".part", path)
    time.sleep(300)
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=child, args=(sys.argv[1],))
    process.start()
    process.join()
"""


def test_children_end_with_a_parent_that_is_killed(tmp_path):
    """Not interrupted but killed: its children must not go on beside those of the next run."""
    script, path = tmp_path / "parent.py", tmp_path / "child.pid"
    script.write_text(PARENT)
    where = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": str(where)}
    parent = subprocess.Popen([sys.executable, str(script), str(path)], env=environment, cwd=where)
    end = time.monotonic() + 120
    while not path.exists():
        assert parent.poll() is None and time.monotonic() < end, "the child did not start"
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    child = Path("/proc") / path.read_text()
    # A zombie that nobody has fetched yet is dead too.
    while child.exists() and "\nState:\tZ" not in (child / "status").read_text():
        assert time.monotonic() < end, "the child goes on"
        time.sleep(0.05)
