"""A model of one epoch, and the file of a crystal."""

import pytest

from diffcomp.cli import main


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diffcomp") / "model"
    train = ["train", "mini", "--target", "formation_energy", "--epochs", "1", "--split-ratio", "2:1:7"]
    assert main([*train, "--model", str(folder)]) == 0
    return str(folder)


@pytest.fixture
def cif(tmp_path):
    from pymatgen.core import Lattice, Structure

    path = tmp_path / "SnO2.cif"
    lattice = Lattice.tetragonal(4.737, 3.186)
    Structure.from_spacegroup("P4_2/mnm", lattice, ["Sn", "O"], [[0, 0, 0], [0.306, 0.306, 0]]).to(str(path))
    return str(path)
