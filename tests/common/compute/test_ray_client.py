"""Work on a cluster of two machines: the same results as here, and nothing lost where one of them dies, or all."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from common.compute import executor as engines
from common.data.predictions import Predictions
from common.errors import UserError
from common.features.cache import FeatureCache, featurize
from esnet.dft.batch import run_batch
from experiments.declare import plan
from experiments.run import runner, store
from profitnet.features import weights_row
from tests.clusters import ROOT, cluster_of, engine_at
from tests.common.features.test_cache import equal
from tests.esnet.dft.test_batch import jobs as dos_jobs

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
pytestmark = pytest.mark.slow  # clusters take their time to start


@pytest.fixture(scope="module")
def two_machines():
    with cluster_of(2) as cluster:
        yield cluster


@pytest.fixture
def on_ray(two_machines, monkeypatch):
    with engine_at(two_machines, monkeypatch):
        yield two_machines


def told(folder: str, number: int, wait_for: str = "") -> tuple[int, str]:
    """Leaves a file a call, named by its process, and ends when another file is there."""
    Path(folder, f"{number}.{os.getpid()}").touch()
    end = time.monotonic() + 120
    while wait_for and not Path(wait_for).exists() and time.monotonic() < end:
        time.sleep(0.05)
    return number, os.environ.get("MATREPRO_MARK", "")


def fails(number: int) -> int:
    if number == 3:
        raise UserError("three cannot be done")
    return number


def dies(number: int) -> int:
    if number == 1:
        os._exit(1)
    return number


def until(condition, what: str, process: subprocess.Popen | None = None) -> None:
    """Waits for it as long as a busy machine may take, but no longer than the process that is to do it lives."""
    end = time.monotonic() + 300
    while not condition():
        if process and process.poll() is not None:
            pytest.fail(f"no {what}: the process ended with status {process.returncode}: {process.stderr.read()}")
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def started(folder: Path) -> list[tuple[int, int]]:
    """Number and process of every call that has begun."""
    return [tuple(map(int, path.name.split("."))) for path in folder.glob("*.*")]


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_results_in_order_and_the_environment_of_the_caller(on_ray, monkeypatch, tmp_path):
    monkeypatch.setenv("MATREPRO_MARK", "seen")
    items = [(str(tmp_path), number) for number in range(30)]
    assert list(engines.map_tasks(told, items, 2)) == [(number, "seen") for number in range(30)]
    assert sorted(n for n, _ in started(tmp_path)) == list(range(30))
    monkeypatch.delenv("MATREPRO_MARK")
    assert list(engines.map_tasks(told, items[:1], 2)) == [(0, "")]


def test_errors_are_raised_at_their_place(on_ray):
    found = engines.map_tasks(fails, [(number,) for number in range(6)], 2)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(UserError, match="three cannot be done"):
        next(found)
    assert list(engines.map_tasks(fails, [(5,)], 2)) == [5]


def echo(data: bytes) -> bytes:
    return data


def test_large_calls_and_large_results_at_a_time(on_ray):
    """More than a pipe holds, both ways: neither end may wait for the other one to read."""
    items, found = [(bytes([number]) * 2_000_000,) for number in range(24)], []
    waiting = threading.Thread(target=lambda: found.extend(engines.map_tasks(echo, items, 2)), daemon=True)
    waiting.start()
    waiting.join(180)
    assert [one[:1] for one in found] == [item[0][:1] for item in items] and all(len(o) == 2_000_000 for o in found)


class Unknown:
    """What a machine without this project would be sent: it cannot be made there."""

    def __reduce__(self):
        return __import__, ("a_module_that_is_not_there",)


def test_a_machine_that_lacks_the_project(on_ray):
    with pytest.raises(UserError, match=r"a machine of the cluster cannot do it \(No module named .*install matrepro"):
        list(engines.map_tasks(fails, [(Unknown(),)], 1))


def test_two_streams_at_a_time(on_ray):
    one = engines.map_tasks(fails, [(number,) for number in range(10, 20)], 2)
    other = engines.map_tasks(fails, [(number,) for number in range(20, 30)], 2)
    assert list(zip(one, other, strict=True)) == list(zip(range(10, 20), range(20, 30), strict=True))


def test_what_kills_its_worker_fails_alone(on_ray):
    assert {o.item: (o.reason, o.value) for o in engines.run_apart(dies, [(n,) for n in range(3)], 2)} == {
        (0,): ("", 0),
        (1,): ("its process ended with status 1", None),
        (2,): ("", 2),
    }
    with pytest.raises(UserError, match="its worker died 3 times"):
        list(engines.map_tasks(dies, [(1,)], 1))


def test_what_is_left_is_stopped(on_ray, tmp_path):
    """As an interruption leaves it."""
    outcomes = engines.run_apart(told, [(str(tmp_path), 0), (str(tmp_path), 1, str(tmp_path / "never"))], 2)
    assert next(outcomes).value[0] == 0
    until(lambda: len(started(tmp_path)) == 2, "both calls")
    outcomes.close()
    (left,) = [pid for number, pid in started(tmp_path) if number == 1]
    until(lambda: not Path(f"/proc/{left}").exists(), "the end of the other one")
    assert list(engines.map_tasks(fails, [(1,), (2,)], 2)) == [1, 2]


def test_features_are_those_of_one_machine(mini, on_ray, monkeypatch, tmp_path):
    table, results = mini.take(np.arange(150)), []
    for engine in (os.environ["MATREPRO_EXECUTOR"], "local"):
        monkeypatch.setenv("MATREPRO_EXECUTOR", engine)
        monkeypatch.setenv("MATREPRO_CACHE", str(tmp_path / engine[:3]))
        results.append(featurize(table, "weights", weights_row, jobs=2))
    there, here = results
    assert equal(there.features, here.features) and there.errors == here.errors == {}
    assert there.rows.tolist() == here.rows.tolist() == list(range(150))


def test_densities_of_states_are_those_of_one_machine(standin, on_ray, monkeypatch, tmp_path):
    found = []
    for engine in (os.environ["MATREPRO_EXECUTOR"], "local"):
        monkeypatch.setenv("MATREPRO_EXECUTOR", engine)
        report = run_batch(dos_jobs(11, 12, 13, 84), tmp_path / engine[:3], processes=2)
        assert report.finished == ["m11", "m12", "m13"] and "no PAW dataset for Po" in report.failed["m84"]
        found.append(_everything(report.path))
    assert found[0] == found[1]


def _everything(path: Path) -> dict:
    """Names, attributes and bytes of a file of HDF5."""
    found = {}

    def look(name, node):
        data = node[()].tobytes() if isinstance(node, h5py.Dataset) else b""
        found[name] = (data, {key: str(value) for key, value in sorted(node.attrs.items())})

    with h5py.File(path) as file:
        file.visititems(look)
    return found


@pytest.mark.parametrize("row", ["dummy", pytest.param("net", marks=pytest.mark.slow)])
def test_cells_are_those_of_one_machine(tiny, on_ray, monkeypatch, tmp_path, row):
    """Whose folder of results the machines of the cluster do not see."""
    monkeypatch.setenv("TF_DETERMINISTIC_OPS", "1")
    cells = [cell for cell in plan.runs("tiny", "one", "mini") if cell.row == row]
    stored = []
    for engine in (os.environ["MATREPRO_EXECUTOR"], "local"):
        monkeypatch.setenv("MATREPRO_EXECUTOR", engine)
        monkeypatch.setenv("MATREPRO_RESULTS", str(tmp_path / engine[:3]))
        assert runner.run_all(cells) == []
        assert all(store.finished(cell) for cell in cells)
        stored.append(
            {
                path.relative_to(tmp_path / engine[:3]): path.read_bytes()
                for path in (tmp_path / engine[:3]).rglob("*.csv.gz")
            }
        )
    # The predictions of the test set and of the validation set, for each of the two seeds.
    assert len(cells) == 2 and len(stored[0]) == 4 and stored[0] == stored[1]


def test_a_machine_dies_in_the_middle_and_every_call_is_made_once(on_ray, monkeypatch, tmp_path):
    """Its calls are made again on the other machine; those of the other one are not."""
    go = tmp_path / "go"
    items = [(str(tmp_path), number, str(go)) for number in range(6)]
    outcomes = engines.run_apart(told, items, 2)

    def killed():
        until(lambda: len(started(tmp_path)) == 2, "both machines at work")
        on_ray.remove_node(next(iter(on_ray.worker_nodes)), allow_graceful=False)
        # The process of the call outlives its machine for a moment, in which it would still finish.
        until(lambda: not all(runs(process) for _, process in started(tmp_path)[:2]), "the end of a process")
        go.write_text("")

    killer = threading.Thread(target=killed)
    killer.start()
    first = [outcome.value[0] for outcome in outcomes if not outcome.reason]
    killer.join()
    on_ray.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    assert sorted(first) == list(range(6))
    begun = [number for number, _ in started(tmp_path)]
    assert len(begun) == 7 and set(begun) == set(range(6))


def test_cells_with_a_machine_that_dies(tiny, on_ray, monkeypatch):
    """Every cell is there once at the end, and each is what one machine alone makes of it."""
    cells = [cell for cell in plan.runs("tiny", "one", "mini", seeds=6) if cell.row == "dummy"]
    finished = []
    keep = runner._store

    def then_kill(cell, files):
        finished.append(cell.key)
        if len(finished) == 2:  # with two others under way
            on_ray.remove_node(next(iter(on_ray.worker_nodes)), allow_graceful=False)
        return keep(cell, files)

    monkeypatch.setattr(runner, "_store", then_kill)
    assert runner.run_all(cells) == []
    on_ray.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    assert sorted(finished) == sorted(cell.key for cell in cells) and len(finished) == 6
    assert len(list(store.results_root().rglob("cell.json"))) == 6
    assert all(store.finished(cell) for cell in cells)
    there = [Predictions.load(store.folder_of(cell) / "predictions.csv.gz").prediction.tolist() for cell in cells]
    for cell in cells:
        runner.execute(cell)
    here = [Predictions.load(store.folder_of(cell) / "predictions.csv.gz").prediction.tolist() for cell in cells]
    assert there == here


SCRIPT = """
import os, sys, time
from pathlib import Path
from common.features.cache import featurize
from common.sources import load_source
from profitnet.features import weights_row

def slow(crystal):
    Path({folder!r}, f"seen-{{os.getpid()}}").touch()
    time.sleep(0.02)
    return weights_row(crystal)

if __name__ == "__main__":
    from common.cli import parser as cli
    parser = cli.make_parser("try", "A try.", "try")
    parser.set_defaults(command=lambda arguments: featurize(load_source("mini"), "slow", slow, jobs=2))
    print("connected", flush=True)
    sys.exit(cli.run(parser, []))
"""


def test_a_cluster_that_vanishes(cache_folder, monkeypatch, tmp_path, mini):
    """One line, exit status 2, what was finished stays, and the next call goes on, here or elsewhere."""
    script = tmp_path / "try.py"
    script.write_text(SCRIPT.format(folder=str(tmp_path)))
    with cluster_of(1) as cluster:
        address = cluster.address
        environment = os.environ | {"MATREPRO_EXECUTOR": f"ray:{address}", "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, str(script)], env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        until(lambda: list(tmp_path.glob("seen-*")), "a call under way", process)
        time.sleep(2.0)  # some chunks of 64 crystals, of 1.3 s each
        assert process.poll() is None
    _, text = process.communicate(timeout=120)
    assert process.returncode == 2, text
    (line,) = [line for line in text.splitlines() if line]
    assert line.startswith(f"try: the Ray cluster {address} is gone; finished work is stored")
    kept = len(FeatureCache("slow"))
    assert kept % 64 == 0 and kept < len(mini)
    # The next call, without the cluster, makes only what is lacking.
    monkeypatch.setenv("MATREPRO_EXECUTOR", "local")
    calls = []

    def counted(crystal):
        calls.append(1)
        return weights_row(crystal)

    made = featurize(mini, "slow", counted)
    assert len(made.rows) == len(mini) and len(calls) == len(FeatureCache("slow")) - kept
    assert equal(made.features, featurize(mini, "weights", weights_row).features)


def test_an_address_at_which_nothing_answers(monkeypatch):
    monkeypatch.setenv("MATREPRO_EXECUTOR", "ray:127.0.0.1:1")
    with pytest.raises(UserError, match=r"cannot reach the Ray cluster 127.0.0.1:1: nothing answers there"):
        list(engines.map_tasks(fails, [(1,)]))
