"""The roofline: operations are counted as they are by hand, and the table follows from stored points."""

import json

import numpy as np
import pytest

from benchmarks import roofline


@pytest.fixture
def network():
    import keras

    def build(*layers, shape):
        return keras.Sequential([keras.Input(shape), *layers])

    return build


def test_operations_of_dense_layers(network):
    """Forward twice rows x inputs x outputs; backward as much for the weights and for the inputs of the second."""
    from keras import layers

    model = network(layers.Dense(20, use_bias=False), layers.Dense(30, use_bias=False), shape=(10,))
    rows = 64
    first, second = 2 * rows * 10 * 20, 2 * rows * 20 * 30
    expected = 2 * first + 3 * second
    assert roofline.operations(model, np.ones((rows, 10), np.float32)) == expected


def test_operations_of_convolutions(network):
    from keras import layers

    convolutions = (layers.Conv2D(filters, 3, padding="same", use_bias=False) for filters in (4, 5))
    model = network(*convolutions, shape=(16, 16, 2))
    first, second = (2 * 8 * 16 * 16 * 9 * weights for weights in (2 * 4, 4 * 5))
    assert roofline.operations(model, np.ones((8, 16, 16, 2), np.float32)) == 2 * first + 3 * second


def test_operations_of_einsum(network):
    from keras import layers

    model = network(layers.EinsumDense("abc,cd->abd", output_shape=(None, 7)), shape=(5, 6))
    forward = 2 * 3 * 5 * 6 * 7
    assert roofline.operations(model, np.ones((3, 5, 6), np.float32)) == 2 * forward


def test_the_larger_limit_counts(tmp_path, monkeypatch):
    one = {"seconds": 0.2, "operations": 1e9, "bytes": 5e8, "speed": 1e10, "bandwidth": 1e10, "batch": 32, "xla": False}
    one |= {"load": 0.5, "date": "2026-11-30"}
    assert roofline.share(one) == pytest.approx(0.5)
    assert roofline.share(one | {"bytes": 1e9 * 2}) == pytest.approx(1.0)
    monkeypatch.setattr(roofline, "POINTS", tmp_path / "points.json")
    assert roofline.table() == "No measurements yet."
    roofline.POINTS.write_text(json.dumps({"finder": one}))
    assert "| finder | 32 | no | 1 | 500 | 100 | 50 | 200 | 50 % | 10, 10.0 | 0.5, 2026-11-30 |" in roofline.table()


def test_the_page_has_the_stored_table():
    assert roofline.table() in roofline.PAGE.read_text()
