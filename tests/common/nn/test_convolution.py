import keras
import numpy as np
import pytest
from keras import ops

from common.nn import convolution, winograd
from common.train.strategy.steps import training_step

LAYERS = [
    (convolution.Conv1D, keras.layers.Conv1D, 3),
    (convolution.Conv2D, keras.layers.Conv2D, 5),
]
SHAPES = [(2, 16, 32), (1, 13, 16), (3, 3, 17), (2, 16, 16, 32), (1, 5, 13, 16), (3, 8, 4, 17)]


def _images(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _layers(shape, filters=6):
    """Ours and that of Keras with the same weights."""
    ours, plain, taps = LAYERS[len(shape) - 3]
    layers = [kind(filters, taps, padding="same") for kind in (ours, plain)]
    for layer in layers:
        layer.build(shape)
    layers[0].set_weights(layers[1].get_weights())
    assert not convolution._pays(layers[0], shape, taps)
    layers[0].compiled = True
    assert convolution._pays(layers[0], shape, taps)
    return layers


@pytest.mark.parametrize("taps", [3, 5])
def test_outputs_of_a_tile_are_a_correlation(taps):
    to_inputs, to_kernel, to_outputs = (np.array(matrix) for matrix in winograd.matrices(taps))
    rng = np.random.default_rng(0)
    tile, kernel = rng.normal(size=taps + 3), rng.normal(size=taps)
    found = to_outputs @ ((to_kernel @ kernel) * (to_inputs @ tile))
    assert found == pytest.approx(np.correlate(tile, kernel, mode="valid"), abs=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_are_those_of_keras(shape, monkeypatch):
    ours, plain = _layers(shape)
    calls = []
    monkeypatch.setattr(winograd, "convolve", lambda *given, of=winograd.convolve: calls.append(1) or of(*given))
    found, expected = ours(_images(shape)), plain(_images(shape))
    assert calls
    assert found.shape == expected.shape
    assert np.abs(ops.convert_to_numpy(found - expected)).max() < 3e-5 * float(ops.std(expected))


def _gradients(function, *tensors):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients by TensorFlow")
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        loss = function(*tensors)
    return [np.asarray(gradient) for gradient in tape.gradient(loss, tensors)]


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_of_a_convolution_are_those_of_keras(shape):
    ours, plain = _layers(shape)
    weights = _images((*shape[:-1], 6), 2)
    kernel = ops.convert_to_numpy(plain.kernel)
    found, expected = (
        _gradients(lambda x, k, convolve=convolve: ops.sum(convolve(x, k) * weights), _images(shape), kernel)
        for convolve in (ours.convolution_op, lambda x, k: ops.conv(x, k, padding="same"))
    )
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one - other).max() < 3e-5 * np.std(other)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((2, 8, 8, 3), {}),  # few channels
        ((2, 8, 8, 16), {"kernel_size": 3}),
        ((2, 8, 8, 16), {"strides": 2}),
        ((2, 8, 8, 16), {"padding": "valid"}),
        ((2, 8, 8, 16), {"groups": 2}),
        ((2, 8, 8, 16), {"dilation_rate": 2}),
        ((2, 8, 3), {}),
        ((2, 8, 16), {"kernel_size": 5}),
        ((2, 9, 16), {"strides": 2}),
        ((2, 9, 16), {"padding": "causal"}),
    ],
)
def test_other_convolutions_are_left_to_keras(shape, options):
    kind, plain, taps = LAYERS[len(shape) - 3]
    settings = {"filters": 4, "kernel_size": taps, "padding": "same"} | options
    ours = kind(**settings)
    ours.build(shape)
    ours.compiled = True
    assert not convolution._pays(ours, shape, taps)
    assert ours(_images(shape)).shape == plain(**settings).compute_output_shape(shape)


def _compiled_pooling(pool_size=2, **options):
    layer = convolution.MaxPooling2D(pool_size, **options)
    layer.compiled = True
    return layer


@pytest.mark.parametrize("shape", [(2, 8, 6, 3), (1, 5, 7, 2)])
def test_pooling_is_that_of_keras(shape):
    images = _images(shape)
    assert not convolution.MaxPooling2D(2)._pays(*shape[1:3])
    ours, plain = _compiled_pooling(), keras.layers.MaxPooling2D(2)
    assert ours._pays(*shape[1:3])
    assert np.array_equal(ours(images), plain(images)) and ours(images).shape == plain.compute_output_shape(shape)


def test_gradient_of_a_pooling_goes_to_the_first_of_equal_elements():
    images = np.random.default_rng(0).integers(0, 3, (2, 8, 8, 4)).astype(np.float32)
    found, expected = (
        _gradients(lambda x, layer=layer: ops.sum(layer(x) ** 2), images)
        for layer in (_compiled_pooling(), keras.layers.MaxPooling2D(2))
    )
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("options", [{"pool_size": 3}, {"strides": 1}, {"padding": "same"}])
def test_other_poolings_are_left_to_keras(options):
    settings = {"pool_size": 2} | options
    ours, images = _compiled_pooling(**settings), _images((1, 7, 7, 2))
    assert not ours._pays(7, 7)
    assert np.array_equal(ours(images), keras.layers.MaxPooling2D(**settings)(images))


@pytest.mark.parametrize("kind", ["pictures", "curves"])
def test_networks_train_alike_with_and_without_xla(kind):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("steps of TensorFlow")
    losses = [_losses(kind, compiled) for compiled in (True, False)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def _losses(kind: str, compiled: bool) -> list[float]:
    """Of five updates of a network with the layers of this module."""
    keras.utils.set_random_seed(0)
    shape = (9, 9, 16) if kind == "pictures" else (9, 16)
    inputs = keras.Input(shape)
    if kind == "pictures":
        x = convolution.MaxPooling2D(2)(convolution.Conv2D(4, 5, padding="same")(inputs))
    else:
        x = convolution.Conv1D(4, 3, padding="same", activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    model.compile(keras.optimizers.Adam(1e-2), "mse", jit_compile=compiled)
    convolution.set_compiled(model, compiled)
    batch, targets = _images((8, *shape)), _images((8, 1), 1)
    return [training_step(model, batch, targets, None) for _ in range(5)]
