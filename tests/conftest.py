"""Fixtures for every package: the embedded table, the data directory, a cache that dies with the test, a full disk."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from common.sources import load_source
from tests.experiments.report import browser

# JAX, where a test imports it, would lower this for all processes that come after.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# The same examples on every machine, and no deadline that a busy machine could miss.
hypothesis.settings.register_profile("matrepro", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.load_profile("matrepro")


def _data_root() -> Path | None:
    """`MATREPRO_DATA`, where it names a folder."""
    root = os.environ.get("MATREPRO_DATA")
    return Path(root) if root and Path(root).is_dir() else None


def pytest_collection_modifyitems(items):
    """Tests marked `real` need the data directory: without one they are skipped, and with one they never are."""
    if _data_root() is None:
        without = pytest.mark.skip(reason="MATREPRO_DATA names no data directory")
        for item in items:
            if item.get_closest_marker("real"):
                item.add_marker(without)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory, monkeypatch) -> Path:
    """No test reads or fills the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MATREPRO_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def mini():
    return load_source("mini")


@pytest.fixture
def real_data() -> Path:
    root = _data_root()
    if root is None:
        pytest.fail("this test needs a data directory: mark it `real`")
    return root


@pytest.fixture
def disk_of():
    """`with disk_of(n):` no file can grow beyond n bytes, which every writer meets as it meets a full disk."""

    @contextmanager
    def limited(size: int):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A headless browser, with which a test opens pages."""
    if not browser.program():
        pytest.skip(f"no browser is installed: {', '.join(browser.PROGRAMS)}")
    with browser.Browser(tmp_path_factory.mktemp("profile")) as one:
        yield one
