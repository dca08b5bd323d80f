"""The data of the toy network."""

import numpy as np
import pytest

from tests.common.train.toy import Plain


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)).astype(np.float32)
    return Plain(x), (x @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=50)).astype(np.float32)
