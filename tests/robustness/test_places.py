"""Places that cannot be written: a full disk, a read-only folder, and a folder that another process uses."""

import os
import subprocess
import sys

import numpy as np
import pytest

from common.cli.checks import check_writable
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.io.locks import alone
from common.train import checkpoints, recipe_file

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


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only folders too")
def test_a_read_only_folder_is_named(name, tmp_path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(UserError, match="cannot write"):
            WRITERS[name](tmp_path / name)
        with pytest.raises(UserError, match="no permission to write"):
            check_writable(tmp_path / "new")
    finally:
        tmp_path.chmod(0o755)


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
