"""Places that cannot be written: a full disk, a read-only folder, and a folder that another process uses."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from common.cli.checks import check_writable
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.io.locks import alone
from common.train import checkpoints
from common.train.recipes import recipe_file

NOBODY = 65534
IDS = tuple(f"material-{k}" for k in range(2000))
WRITERS = {
    "table.h5": lambda path: MaterialsDataset(IDS, ["NaCl"] * len(IDS)).to_hdf5(path),
    "split.json": lambda path: Split(IDS, (), ()).save(path),
    "predictions.csv": lambda path: Predictions(np.array(IDS), np.arange(2000.0)).save(path),
    "recipe.json": lambda path: recipe_file.RecipeFile("finder", "corrected", {"x": "x" * 20_000}).save(path),
    "checkpoint.npz": lambda path: checkpoints.save_checkpoint(path, [np.ones(5000)], checkpoints.State(), None),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(name, tmp_path, disk_of):
    path = tmp_path / name
    path.write_bytes(b"old")
    with disk_of(4096), pytest.raises(UserError, match="free some space or choose another place") as caught:
        WRITERS[name](path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [name]


@contextmanager
def ordinary_user():
    """Root writes into read-only folders too, and so becomes another user for a while."""
    if os.geteuid():
        yield
        return
    try:
        os.setresuid(NOBODY, NOBODY, 0)
    except (AttributeError, OSError):
        pytest.skip("root cannot become another user here")
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def read_only():
    """A folder with a file in it, which neither can be changed; not below pytest's own, which is closed to others."""
    folder = Path(tempfile.mkdtemp())
    (folder / "old").write_text("old")
    (folder / "old").chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", WRITERS)
def test_a_read_only_folder_is_named(name, read_only):
    with ordinary_user():
        for path in (read_only / name, read_only / "old", read_only / "new" / name):
            with pytest.raises(UserError, match="cannot write") as caught:
                WRITERS[name](path)
            assert str(read_only) in str(caught.value)
            with pytest.raises(UserError, match="no permission to write"):
                check_writable(path)
        with pytest.raises(UserError, match="cannot write in"), alone(read_only):
            pass
    assert os.listdir(read_only) == ["old"] and (read_only / "old").read_text() == "old"


def test_a_folder_belongs_to_one_process(tmp_path):
    program = (
        "import sys; from common.io.locks import alone\n"
        "with alone(sys.argv[1]): print('mine', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"mine\n"
    with pytest.raises(UserError, match="another run"), alone(tmp_path):
        pass
    other.communicate()
    with alone(tmp_path):  # free again once it has ended
        pass
