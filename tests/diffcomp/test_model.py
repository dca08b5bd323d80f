"""The two-branch network has the released sizes, at every ratio."""

import numpy as np
import pytest

from common.errors import UserError
from diffcomp.model import build_diffcomp


def test_parameter_count():
    assert build_diffcomp(9).count_params() == 4_553_557


@pytest.mark.parametrize("nodes", range(11))
def test_every_ratio(nodes):
    """513 parameters move from one branch to the other with each node; the ends lose a branch."""
    model = build_diffcomp(nodes)
    picture = 53_696 + 8192 * 512 + 512
    vector = 256 + 16_448 + 20_544 + 512 * 512 + 512
    expected = (picture if nodes < 10 else 0) + (vector if nodes > 0 else 0) + 10 * 513 + 11
    assert model.count_params() == expected
    names = {"pattern": nodes < 10, "composition": nodes > 0}
    assert set(model.input_names if hasattr(model, "input_names") else model.input) == {
        n for n, x in names.items() if x
    }


def test_both_inputs_count():
    model = build_diffcomp(5)
    random = np.random.default_rng(0)
    batch = {"pattern": random.random((2, 128, 128, 3)), "composition": random.random((2, 60, 1))}
    first = model.predict_on_batch(batch)
    assert first.shape == (2, 1)
    for name in batch:
        assert not np.allclose(model.predict_on_batch({**batch, name: 3 * batch[name]}), first)


def test_ratios_outside():
    with pytest.raises(UserError, match="choose 0 to 10"):
        build_diffcomp(11)
