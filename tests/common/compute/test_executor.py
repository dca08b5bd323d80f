"""Which engine is asked for, and the local one, which needs nothing."""

import os

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from common.compute import executor
from common.errors import UserError


def square(number: int) -> int:
    if number < 0:
        raise UserError("no root")
    return number**2


def test_local_unless_another_is_asked_for(monkeypatch):
    monkeypatch.delenv("MATREPRO_EXECUTOR", raising=False)
    assert not executor.remote()
    executor.use("")
    assert "MATREPRO_EXECUTOR" not in os.environ
    monkeypatch.setenv("MATREPRO_EXECUTOR", "local")
    assert not executor.remote()


@pytest.mark.parametrize("name", ["spark", "local:1", "Ray", "rays:1.2.3.4:5"])
def test_an_executor_that_does_not_exist(monkeypatch, name):
    monkeypatch.setenv("MATREPRO_EXECUTOR", "local")
    with pytest.raises(UserError, match=f"there is no executor '{name}'; choose local, ray or ray:HOST:PORT"):
        executor.use(name)


def test_ray_that_is_not_installed(monkeypatch):
    monkeypatch.setenv("MATREPRO_EXECUTOR", "local")
    monkeypatch.setattr(executor, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"the executor ray needs Ray: pip install -e '.\[ray\]'"):
        executor.use("ray:10.0.0.5:6379")


@pytest.mark.parametrize("options", [{}, {"jobs": 2}, {"jobs": 2, "threads": True}])
def test_results_in_order(options):
    assert list(executor.map_tasks(square, [(n,) for n in range(5)], **options)) == [0, 1, 4, 9, 16]


def threads_of_numpy() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_calls_in_threads_have_the_cores_of_calls_elsewhere(monkeypatch):
    """The last bit of a sum may follow from the number of threads that work on it."""
    np.ones((2, 2)) @ np.ones((2, 2))
    before = threads_of_numpy()
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with threadpool_limits(2):
        assert list(executor.map_tasks(threads_of_numpy, [(), ()], 2, threads=True)) == [{1}, {1}]
        assert threads_of_numpy() == {2}
    assert threads_of_numpy() == before


def test_results_as_they_come():
    found = executor.map_tasks(square, [(n,) for n in range(5)], 2, ordered=False, threads=True)
    assert sorted(found) == [0, 1, 4, 9, 16]


def test_errors_are_raised_or_told():
    with pytest.raises(UserError, match="no root"):
        list(executor.map_tasks(square, [(1,), (-1,)]))
    (outcome,) = executor.run_apart(square, [(-1,)])
    assert outcome == ((-1,), "no root", None)


def test_work_elsewhere_knows_the_settings_of_this_process_and_works_there(monkeypatch):
    monkeypatch.setenv("MATREPRO_EXECUTOR", "ray:10.0.0.5:6379")
    monkeypatch.setenv("MATREPRO_DATA", "/data")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    passed = executor._environment()
    assert passed["MATREPRO_EXECUTOR"] == "local"
    assert (passed["MATREPRO_DATA"], passed["KERAS_BACKEND"], passed["OMP_NUM_THREADS"]) == ("/data", "jax", None)
    assert "HOME" not in passed
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert executor._environment()["OMP_NUM_THREADS"] == "3"
