"""Batches: exact pieces, and an order of its own for every epoch."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.train.batches import Batches, microbatches
from common.train.loop import train
from tests.common.train.toy import RECIPE, ROWS, VALIDATION, small


@given(st.integers(1, 30), st.integers(2, 7))
def test_weighted_pieces_have_the_mean_of_the_whole_batch(n, parts):
    rows = np.random.default_rng(n).permutation(1000)[:n]
    loss = np.random.default_rng(parts).normal(size=1000)
    cut = list(microbatches(rows, parts))
    assert len(cut) == parts and {int(r) for piece, _ in cut for r in piece} == set(rows.tolist())
    means = [(loss[piece] * weights).mean() for piece, weights in cut]
    assert np.mean(means) == pytest.approx(loss[rows].mean(), rel=1e-5, abs=1e-6)
    if n % parts == 0:
        assert all((weights == 1).all() for _, weights in cut)


def test_one_piece_is_the_batch_itself():
    assert [(piece.tolist(), weights) for piece, weights in microbatches(np.array([4, 2, 9]), 1)] == [([4, 2, 9], None)]


@pytest.mark.parametrize("batch", [3, 10, 16, 40])
def test_pieces_make_the_update_of_the_whole_batch(data, batch):
    """Sizes below the number of pieces, not divisible by it, with a short last batch, and the whole set at once."""

    def weights_after(parts):
        model = small(dropout=0.0)  # which would draw other numbers for other pieces
        train(
            model,
            *data,
            ROWS[:37],
            VALIDATION[:0],
            replace(RECIPE, batch=batch, accumulation_steps=parts, epochs=1),
            seed=0,
        )
        return model.get_weights()

    whole, cut = weights_after(1), weights_after(4)
    start = small().get_weights()
    for one, other, before in zip(whole, cut, start, strict=True):
        assert np.abs(one - before).max() > 1e-4
        assert np.allclose(one, other, atol=2e-6, rtol=0)


@pytest.mark.parametrize("fields", [{"schedule": "cosine", "warmup": 1}, {"decay": 0.9, "decay_every": "update"}])
def test_pieces_do_not_advance_the_learning_rate(data, fields):
    """Keras counts microbatches; in four pieces a schedule would end after a fourth of the epochs."""

    def weights_after(parts):
        model = small(dropout=0.0)
        recipe = replace(RECIPE, batch=8, accumulation_steps=parts, epochs=4, optimizer="adamw", **fields)
        train(model, *data, ROWS[:37], VALIDATION[:0], recipe, seed=0)
        return model.get_weights()

    for one, other in zip(weights_after(1), weights_after(4), strict=True):
        assert np.allclose(one, other, atol=1e-5, rtol=0)


def test_every_epoch_has_every_row_once_in_an_order_of_its_own(data):
    batches = Batches(*data, ROWS, RECIPE, seed=3)
    orders = [np.concatenate([y for _, y, *_ in batches.epoch(number)]) for number in (0, 1, 0)]
    assert np.array_equal(orders[0], orders[2]) and not np.array_equal(orders[0], orders[1])
    for order in orders:
        assert np.array_equal(np.sort(order), np.sort(data[1][ROWS]))
    other = np.concatenate([y for _, y, *_ in Batches(*data, ROWS, RECIPE, seed=4).epoch(0)])
    assert not np.array_equal(orders[0], other)
