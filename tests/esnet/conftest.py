"""A stand-in for the Python that has GPAW, and a real one where there is one; densities of the embedded dataset."""

import json
import sys
from pathlib import Path

import h5py
import pytest

from common.sources.mini import PATH
from esnet.dft.backends import BackendMissing
from esnet.dft.gpaw_backend import gpaw_python
from esnet.dos.projected import from_group


class Calls:
    """What the stand-in was asked."""

    def __init__(self, folder: Path):
        self.folder, self.python = folder, folder / "python"

    def __call__(self) -> list[dict]:
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def standin(tmp_path_factory, monkeypatch) -> Calls:
    calls = Calls(tmp_path_factory.mktemp("standin"))
    script = Path(__file__).with_name("standin.py")
    calls.python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "{calls.folder}" "$@"\n')
    calls.python.chmod(0o755)
    monkeypatch.setenv("MATREPRO_GPAW_PYTHON", str(calls.python))
    return calls


@pytest.fixture
def gpaw_here():
    try:
        return gpaw_python()
    except BackendMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def embedded():
    """The densities of one of the embedded materials, by its id."""
    with h5py.File(PATH) as file:
        channels, energies = json.loads(file.attrs["channels"]), file.attrs["energies_eV"]
        yield lambda name, aligned=False: from_group(file[f"materials/{name}"], energies, channels, aligned=aligned)
