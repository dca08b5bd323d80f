"""int8 weights: the error of every weight is at most half a step, and what is read is what was written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from common.presets.quantize import pack, quantize, restore, unpack


@given(seed=st.integers(0, 2**32 - 1), shape=st.sampled_from([(9, 8), (3, 5, 7), (2, 2, 4, 6), (64, 1)]))
def test_the_error_is_at_most_half_a_step_of_its_channel(seed, shape):
    random = np.random.default_rng(seed)
    weights = (random.normal(size=shape) * random.lognormal(0, 3, shape[-1])).astype(np.float32)
    weights[..., 0] *= seed % 2  # a channel of zeros
    quantized, scales = quantize(weights)
    assert quantized.dtype == np.int8 and scales.shape == (shape[-1],)
    assert (np.abs(restore(quantized, scales) - weights) <= 0.5001 * scales).all()


def test_small_arrays_and_other_types_are_stored_exactly():
    arrays = [np.arange(100, dtype=np.float32), np.eye(3, dtype=np.float32), np.array([1, 2], dtype=np.uint32)]
    content = pack(arrays)
    assert pack(arrays) == content
    for found, array in zip(unpack(content), arrays, strict=True):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


def test_fewer_bits_take_less_space_and_smaller_arrays_keep_eight(monkeypatch):
    monkeypatch.setattr("common.presets.quantize.LARGE", 4096)
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(64, 32)).astype(np.float32), random.normal(size=(256, 64)).astype(np.float32)]
    sizes = [len(pack(arrays, bits)) for bits in (4, 5, 6, 7, 8)]
    assert sizes == sorted(sizes) and sizes[0] < 0.65 * sizes[-1]
    small, large = unpack(pack(arrays, 5))
    np.testing.assert_array_equal(small, unpack(pack(arrays))[0])
    assert (np.abs(large - arrays[1]) <= 0.5001 * np.abs(arrays[1]).max(axis=0) / 15).all()
    again = unpack(pack([small, large], 5))
    np.testing.assert_allclose(again[1], large, rtol=1e-6)  # rounding what is rounded changes nothing


def test_damage_and_pickles_are_refused():
    content = pack([np.ones((40, 40), dtype=np.float32)])
    for damaged in (content[:-30], content[:20], b"", b"\x80\x04N."):
        with pytest.raises(UserError, match="the weights cannot be read"):
            unpack(damaged)
    with pytest.raises(UserError, match="not finite"):
        pack([np.full((10, 10), np.nan, dtype=np.float32)])
