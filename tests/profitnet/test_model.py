"""The network: sizes, shapes, switches, start."""

import numpy as np
import pytest

from common.train import devices
from profitnet.config import VARIANTS, ProfitConfig
from profitnet.model import build_network, build_ofmcnn, build_profitnet


@pytest.fixture(scope="module", autouse=True)
def seeded():
    devices.setup(0)


@pytest.fixture(scope="module")
def profitnet():
    return build_profitnet()


@pytest.fixture(scope="module")
def ofmcnn():
    return build_ofmcnn()


SHAPES = {
    # After the last layer of each block, for PROFiT-Net and OFMCNN, as in the table of profitnet/model.py.
    "block 1": ((3082, 21), (170, 21)),
    "block 2": ((1537, 11), (81, 11)),
    "block 3": ((1524, 9), (68, 9)),
    "block 4": ((1522, 9), (66, 9)),
    "block 5": ((1522, 9), (66, 9)),
    "flatten": ((13698,), (594,)),
}


def blocks(model) -> list[list]:
    """The layers of each convolution block, and then those of the head."""
    parts = []
    for layer in model.layers[1:]:
        if type(layer).__name__ in ("Conv1D", "Flatten"):
            parts.append([])
        parts[-1].append(layer)
    return parts


@pytest.mark.parametrize(("which", "name"), [(0, "profitnet"), (1, "ofmcnn")])
def test_shapes_and_sizes(which, name, request):
    model = request.getfixturevalue(name)
    assert model.count_params() == (14_459_581, 1_041_085)[which]
    assert model.input_shape == (None, (136, 32)[which] ** 2, 1)
    assert model.output_shape == (None, 1)
    *convolutions, head = blocks(model)
    shapes = [part[-1].output.shape[1:] for part in convolutions]
    assert shapes == [SHAPES[f"block {i}"][which] for i in range(1, 6)]
    assert head[0].output.shape[1:] == SHAPES["flatten"][which]
    assert [layer.units for layer in head[1:]] == [1024, 256, 512, 64, 16, 1]


def test_layers_in_order(profitnet):
    *convolutions, head = blocks(profitnet)
    assert [[type(layer).__name__ for layer in part] for part in convolutions] == [
        ["Conv1D", "AveragePooling1D", "Dropout"],
        ["Conv1D", "Dropout", "MaxPooling1D"],
        *[["Conv1D", "Dropout"]] * 3,
    ]
    assert [(c[0].filters, c[0].kernel_size[0]) for c in convolutions] == [(21, 4), (11, 9), (9, 14), (9, 3), (9, 1)]
    assert all(c[0].strides == (1,) and c[0].padding == "valid" for c in convolutions)
    assert [layer.rate for c in convolutions for layer in c if hasattr(layer, "rate")] == [0.01, 0.01, 0.02, 0.01, 0.01]
    assert [activation(layer) for layer in head[1:]] == ["relu"] * 5 + ["linear"]


def activation(layer) -> str:
    return layer.get_config()["activation"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_late_relu_follows_the_variant(variant):
    model = build_ofmcnn(VARIANTS[variant])
    expected = ["relu"] * 3 + (["linear"] * 2 if variant == "paper" else ["relu"] * 2)
    assert [activation(part[0]) for part in blocks(model)[:5]] == expected


def test_late_relu_changes_the_output():
    x = np.random.default_rng(0).normal(size=(4, 1024, 1)).astype(np.float32)
    one, other = build_network(32), build_network(32, late_relu=False)
    other.set_weights(one.get_weights())
    assert not np.allclose(one(x), other(x))
    assert build_profitnet(ProfitConfig(late_relu=False)).count_params() == 14_459_581


@pytest.mark.parametrize("name", ["profitnet", "ofmcnn"])
def test_weights_start_he_uniform_and_biases_at_zero(name, request):
    for layer in request.getfixturevalue(name).layers:
        if layer.weights:
            kernel, bias = (np.asarray(w) for w in layer.get_weights())
            limit = (6 / np.prod(kernel.shape[:-1])) ** 0.5
            assert not bias.any()
            assert np.abs(kernel).max() <= limit * (1 + 1e-6)
            # A uniform distribution on +-limit has the standard deviation limit / sqrt(3).
            assert kernel.std() == pytest.approx(limit / 3**0.5, rel=4 / kernel.size**0.5)


def test_a_whole_batch_goes_through(ofmcnn):
    x = np.ones((3, 1024, 1), np.float32)
    out = np.asarray(ofmcnn(x))
    assert out.shape == (3, 1) and out.dtype == np.float32 and np.isfinite(out).all()
    # Equal rows, equal answers: dropout sleeps outside training.
    assert np.ptp(out) < 1e-6
