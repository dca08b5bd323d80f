"""Ray clusters of several machines on this one, for tests."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SMALL = {"object_store_memory": 100 * 2**20, "include_dashboard": False}


@contextmanager
def cluster_of(workers: int):
    """A head that computes nothing, and so many machines with one core each."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    from ray.cluster_utils import Cluster

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # What a machine imports must be this project, wherever the tests are started.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [before])])
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
    try:
        for _ in range(workers):
            cluster.add_node(num_cpus=1, **SMALL)
        yield cluster
    finally:
        cluster.shutdown()
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextmanager
def engine_at(cluster, monkeypatch):
    """Within the block work goes to the cluster; afterwards nothing is connected to it any more."""
    from common.compute import ray_client as ray_engine

    monkeypatch.setenv("MATREPRO_EXECUTOR", f"ray:{cluster.address}")
    try:
        yield
    finally:
        monkeypatch.setenv("MATREPRO_EXECUTOR", "local")
        found = ray_engine._clusters().pop(cluster.address, None)
        if found:
            found.leave()
