"""Every network, killed and resumed by another process, ends bitwise as an uninterrupted training does."""

import signal
import subprocess
import sys
import zlib

import numpy as np
import pytest

from experiments.declare.models import NETWORKS
from tests.common.train.resuming import EPOCHS


def start(*arguments) -> int:
    command = [sys.executable, "-m", "tests.common.train.resuming", *map(str, arguments)]
    return subprocess.run(command, timeout=600).returncode


@pytest.mark.slow
@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_a_killed_training_resumes_to_the_same_bits(network, tmp_path):
    whole, resumed, folder = tmp_path / "whole.npz", tmp_path / "resumed.npz", tmp_path / "killed"
    epoch = 1 + zlib.crc32(network.encode()) % (EPOCHS - 1)  # another one for each network
    assert start(network, tmp_path / "whole", whole) == 0
    assert start(network, folder, resumed, epoch) == -signal.SIGKILL
    assert (folder / "checkpoint.npz").exists() and not resumed.exists()
    assert start(network, folder, resumed) == 0
    with np.load(whole) as one, np.load(resumed) as other:
        assert len(one["history"]) == EPOCHS and np.isfinite(one["predictions"]).all()
        for name in ("history", "predictions"):
            assert np.array_equal(one[name], other[name]), name
