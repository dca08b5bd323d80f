"""The `profitnet` command in this process and in one of its own, a model that it trained, files to give it."""

import os
import subprocess
import sys

import pytest

from profitnet.cli import main
from tests.structure_files import BROKEN, CIF, POSCAR

TRAIN = ("train", "mini", "--target", "formation_energy", "--network", "ofmcnn", "--epochs", "2", "--seed", "4")


def shell(*arguments, cache):
    """`profitnet` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "profitnet.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "MATREPRO_CACHE": str(cache)},
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A model trained by the command, and what the command printed."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    return folder, shell(*TRAIN, "--model", folder, "--json", cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def run(capsys):
    """`profitnet` in this process: status, stdout, stderr."""

    def run(*arguments):
        try:
            status = main([str(a) for a in arguments])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def files(tmp_path):
    (tmp_path / "salt.cif").write_text(CIF)
    (tmp_path / "POSCAR").write_text(POSCAR)
    (tmp_path / "bad.cif").write_text(BROKEN["partial.cif"][0])
    (tmp_path / "empty.cif").write_text("")
    return tmp_path
