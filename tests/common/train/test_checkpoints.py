"""Runs that are stopped and go on, and files that are damaged."""

import os
from dataclasses import replace

import numpy as np
import pytest

from common.errors import UserError
from common.train.loop import predict
from tests.common.train.toy import RECIPE, ROWS, VALIDATION, lines, run


def test_a_run_goes_on_as_if_it_had_not_stopped(data, tmp_path):
    _, first = run(data, replace(RECIPE, epochs=2), folder=tmp_path)
    model, state = run(data, RECIPE, folder=tmp_path)
    alone, straight = run(data, RECIPE)
    assert lines(state) == lines(straight) and lines(state)[:2] == lines(first)
    for one, other in zip(model.get_weights(), alone.get_weights(), strict=True):
        assert np.array_equal(one, other)
    again, finished = run(data, RECIPE, folder=tmp_path)
    assert finished.history == state.history
    assert np.array_equal(predict(again, data[0], ROWS), predict(model, data[0], ROWS))


def test_a_checkpoint_of_another_run_is_refused(data, tmp_path):
    run(data, folder=tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    others = [
        {"seed": 1},
        {"width": 6},
        {"rows": ROWS[:-1]},
        {"validation": VALIDATION[1:]},
        {"recipe": replace(RECIPE, batch=9)},
        {"recipe": replace(RECIPE, accumulation_steps=2)},
    ]
    for other in others:
        with pytest.raises(UserError, match=r"checkpoint\.npz is damaged or of another run .*; delete it"):
            run(data, folder=tmp_path, **other)
    with pytest.raises(UserError, match="of another run"):
        run((data[0], data[1] + 1), folder=tmp_path)
    with pytest.raises(UserError, match=r"checkpoint\.npz is already past epoch 2"):
        run(data, replace(RECIPE, epochs=2), folder=tmp_path)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(data, tmp_path, share):
    run(data, replace(RECIPE, epochs=1), folder=tmp_path)
    whole = (tmp_path / "checkpoint.npz").read_bytes()
    (tmp_path / "checkpoint.npz").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"checkpoint\.npz is damaged") as caught:
        run(data, folder=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_with_a_pickle_in_it_is_refused(data, tmp_path):
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(ran),)

    np.savez(tmp_path / "checkpoint.npz", state=np.array([Trap()], dtype=object))
    with pytest.raises(UserError, match="is damaged"):
        run(data, folder=tmp_path)
    assert not ran.exists()


def test_a_full_disk_leaves_the_last_checkpoint(data, tmp_path, disk_of):
    run(data, replace(RECIPE, epochs=2), folder=tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    with disk_of(len(before) // 2), pytest.raises(UserError, match=r"cannot write .*checkpoint\.npz"):
        run(data, folder=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.npz", "history.csv"]
    assert (tmp_path / "checkpoint.npz").read_bytes() == before
    _, state = run(data, folder=tmp_path)
    assert lines(state) == lines(run(data)[1])
