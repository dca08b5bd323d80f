"""Trainings whose process is killed, at any moment and again, end as if nobody had."""

import hashlib
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from common.train import checkpoints
from common.train.batches import Batches
from tests.common.train.toy import lines


@pytest.fixture(scope="module")
def processes():
    """Children forked from a server that has imported Keras but not used it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["common.train.devices", "keras", "common.sources", "profitnet.regressor"])
    return context


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_in(moment: str, count: int) -> None:
    """Arrange for this process to be killed, as by `kill -9`, the `count`-th time it comes to `moment`."""
    seen = {"n": 0}

    def now(what: str) -> bool:
        seen["n"] += what == moment
        return what == moment and seen["n"] == count

    whole, savez, move = Batches.epoch, np.savez, os.replace

    def epoch(self, number):
        for batch in whole(self, number):
            if now("batch"):
                _die()
            yield batch

    def half(file, **arrays):
        if not now("half-written"):
            return savez(file, **arrays)
        savez(file, **arrays)
        file.truncate(file.tell() // 2)
        return _die()

    def moved(source, target):
        name = Path(target).name
        if now(f"before {name}"):
            _die()
        move(source, target)
        if now(f"after {name}"):
            _die()

    Batches.epoch, checkpoints.np.savez, os.replace = epoch, half, moved


def _train_ofmcnn(cache: str, folder: str, out: str, moment: str = "", count: int = 0) -> None:
    """A few epochs of OFMCNN; history, weights and predictions go to `out` if it lives to the end."""
    os.environ["MATREPRO_CACHE"] = cache
    from common.data.splits import by_fractions
    from common.sources import load_source
    from profitnet.regressor import OFMCNN

    if moment:
        _die_in(moment, count)
    table = load_source("mini").take(np.arange(0, 336, 6))
    split = by_fractions(table)
    model = OFMCNN(epochs=4, batch=16, deterministic=True, checkpoint_seconds=0, seed=5)
    model.fit(table, "formation_energy", split, folder=Path(folder))
    weights = b"".join(w.tobytes() for w in model.model.get_weights())
    history = np.array([list(row.values()) for row in lines(model.state)])
    predictions = model.predict(table.select(split.test), bar=False).prediction
    np.savez(out, history=history, predictions=predictions, weights=np.array(hashlib.sha256(weights).hexdigest()))


def _starts(processes, *arguments):
    process = processes.Process(target=_train_ofmcnn, args=tuple(map(str, arguments[:3])) + arguments[3:])
    process.start()
    return process


def _ends(process) -> int:
    process.join()
    return process.exitcode


def _same(one: Path, other: Path) -> bool:
    with np.load(one) as a, np.load(other) as b:
        return set(a.files) == set(b.files) and all(np.array_equal(a[name], b[name]) for name in a.files)


MOMENTS = (
    ("batch", 2),  # before anything is kept
    ("half-written", 2),
    ("before checkpoint.npz", 1),
    ("after checkpoint.npz", 1),
    ("batch", 3),  # an epoch half done
    ("before history.csv", 1),  # the run is over, its history not yet written
)


@pytest.mark.slow
def test_runs_with_one_seed_are_equal_to_the_bit_however_often_they_are_killed(processes, tmp_path):
    names = ("alone", "again")
    runs = [_starts(processes, tmp_path / "cache", tmp_path / name, tmp_path / f"{name}.npz") for name in names]
    assert [_ends(run) for run in runs] == [0, 0]
    assert _same(tmp_path / "alone.npz", tmp_path / "again.npz")

    killed, out = tmp_path / "killed", tmp_path / "killed.npz"
    for moment, count in MOMENTS:
        assert _ends(_starts(processes, tmp_path / "cache", killed, out, moment, count)) == -signal.SIGKILL, moment
        assert not out.exists()
    assert [path for path in killed.iterdir() if path.name.startswith(".")]  # what the last kill left behind
    assert _ends(_starts(processes, tmp_path / "cache", killed, out)) == 0
    assert _same(tmp_path / "alone.npz", out)
    assert sorted(path.name for path in killed.iterdir()) == ["checkpoint.npz", "history.csv"]
    with np.load(out) as result:
        assert result["history"].shape == (4, 4) and np.isfinite(result["predictions"]).all()
