import keras
import numpy as np
import pytest
from keras import ops

from common.nn import convolution


def _images(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_outputs_are_a_correlation_for_any_tile():
    to_inputs, to_kernel, to_outputs = (np.array(matrix) for matrix in convolution.matrices())
    rng = np.random.default_rng(0)
    tile, taps = rng.normal(size=8), rng.normal(size=5)
    found = to_outputs @ ((to_kernel @ taps) * (to_inputs @ tile))
    assert found == pytest.approx(np.correlate(tile, taps, mode="valid"), abs=1e-12)


@pytest.mark.parametrize("shape", [(2, 16, 16, 32), (1, 5, 12, 16), (3, 8, 4, 17)])
def test_outputs_are_those_of_keras(shape):
    plain = keras.layers.Conv2D(6, 5, padding="same")
    ours = convolution.Conv2D(6, 5, padding="same")
    images = _images(shape)
    expected = plain(images)
    ours.build(shape)
    assert ours._pays(shape) and [weight.path for weight in ours.weights] != []
    ours.set_weights(plain.get_weights())
    found = ours(images)
    assert found.shape == expected.shape
    assert np.abs(ops.convert_to_numpy(found - expected)).max() < 3e-5 * float(ops.std(expected))


def test_gradients_of_a_convolution_are_those_of_keras():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients by TensorFlow")
    x, kernel = tf.constant(_images((2, 8, 8, 16))), tf.constant(_images((5, 5, 16, 3), 1))
    weights = _images((2, 8, 8, 3), 2)
    gradients = []
    for convolve in (convolution.convolve, lambda x, kernel: ops.conv(x, kernel, padding="same")):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            loss = tf.reduce_sum(convolve(x, kernel) * weights)
        gradients.append(tape.gradient(loss, [x, kernel]))
    for found, expected in zip(*gradients, strict=True):
        assert np.abs(found - expected).max() < 3e-5 * np.std(expected)


def test_gradient_of_a_pooling_goes_to_the_first_of_equal_elements():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients by TensorFlow")
    images = tf.constant(np.random.default_rng(0).integers(0, 3, (2, 8, 8, 4)).astype(np.float32))
    gradients = []
    for layer in (convolution.MaxPooling2D(2), keras.layers.MaxPooling2D(2)):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(layer(images) ** 2)
        gradients.append(tape.gradient(loss, images))
    assert np.array_equal(*gradients)


@pytest.mark.parametrize("shape", [(2, 8, 6, 3), (1, 5, 7, 2)])
def test_pooling_is_that_of_keras(shape):
    images = _images(shape)
    ours, plain = convolution.MaxPooling2D(2), keras.layers.MaxPooling2D(2)
    assert ours._pays(*shape[1:3])
    assert np.array_equal(ours(images), plain(images)) and ours(images).shape == plain.compute_output_shape(shape)


@pytest.mark.parametrize("options", [{"pool_size": 3}, {"strides": 1}, {"padding": "same"}])
def test_other_poolings_are_left_to_keras(options):
    settings = {"pool_size": 2} | options
    ours, images = convolution.MaxPooling2D(**settings), _images((1, 7, 7, 2))
    assert not ours._pays(7, 7)
    assert np.array_equal(ours(images), keras.layers.MaxPooling2D(**settings)(images))


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((2, 8, 8, 3), {}),  # few channels
        ((2, 8, 10, 16), {}),  # no whole tiles
        ((2, 8, 8, 16), {"kernel_size": 3}),
        ((2, 8, 8, 16), {"strides": 2}),
        ((2, 8, 8, 16), {"padding": "valid"}),
        ((2, 8, 8, 16), {"groups": 2}),
        ((2, 8, 8, 16), {"dilation_rate": 2}),
    ],
)
def test_other_convolutions_are_left_to_keras(shape, options):
    settings = {"filters": 4, "kernel_size": 5, "padding": "same"} | options
    ours = convolution.Conv2D(**settings)
    ours.build(shape)
    assert not ours._pays(shape)
    assert ours(_images(shape)).shape == keras.layers.Conv2D(**settings).compute_output_shape(shape)
