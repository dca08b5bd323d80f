"""Files on which the HDF5 library crashes, does not end or fills the memory are refused by a child process."""

import os
import signal
import time

import h5py
import numpy as np
import pytest

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io import hdf5_probe
from common.sources.files import load


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.h5"
    MaterialsDataset(["a", "b"], ["NaCl", "Si"]).with_target("gap", np.array([5.0, 1.1]), "eV").to_hdf5(path)
    return path


def test_a_sound_file_is_read(table):
    assert load(table).table.target("gap").values.tolist() == [5.0, 1.1]


@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGSEGV, "makes the HDF5 library crash"), (signal.SIGXCPU, "takes too long to read")]
)
def test_a_crash_of_the_library_is_one_line(table, monkeypatch, number, words):
    monkeypatch.setattr(hdf5_probe, "_visit", lambda file, most: os.kill(os.getpid(), number) or time.sleep(60))
    with pytest.raises(UserError, match=words) as caught:
        load(table)
    assert str(table) in str(caught.value) and "\n" not in str(caught.value)


def test_an_error_that_the_library_reports_is_left_to_the_reader(table, monkeypatch):
    monkeypatch.setattr(hdf5_probe, "_visit", lambda file, most: 1 / 0)
    assert len(load(table).table) == 2


def test_a_small_file_of_large_datasets_is_refused(table):
    with h5py.File(table, "a") as file:
        file.create_dataset("much", shape=(10**9,), dtype="f8", chunks=(10**6,), compression="gzip")
    with pytest.raises(UserError, match="larger than 256 MB when decompressed; raise the limit with MATREPRO_MAX_MB"):
        load(table)


def test_a_file_that_replaces_another_is_read_again(table, monkeypatch):
    load(table)
    monkeypatch.setattr(hdf5_probe, "_visit", lambda file, most: pytest.fail("read twice"))
    load(table)


def test_a_child_that_waits_is_stopped(table, monkeypatch):
    monkeypatch.setattr(hdf5_probe, "PATIENCE", 0.3)
    monkeypatch.setattr(hdf5_probe, "_visit", lambda file, most: time.sleep(60))
    with pytest.raises(UserError, match="takes too long to read"):
        load(table)


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "table.h5")
    with pytest.raises(UserError, match="is a pipe"):
        hdf5_probe.probe(tmp_path / "table.h5")


def test_systems_without_fork_open_the_file_as_it_is(table, monkeypatch):
    monkeypatch.delattr(os, "fork")
    assert len(load(table).table) == 2
