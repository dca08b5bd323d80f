"""Several devices do what one does. Each number of devices needs a process of its own."""

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from common.errors import UserError
from common.train.strategy import select as distribution
from common.train.strategy import tf_distribute as mirrored
from common.train.strategy.base import SINGLE_DEVICE, enough

ROOT = Path(__file__).parents[2]
BACKENDS = ("tensorflow", "jax", "torch")
#: A dense network, and one on flat lists with batch statistics and another optimizer.
FEW = ("ofmcnn", "cgcnn")
#: Constraints and penalties; batch normalization of Keras; decaying weights; shortened gradients.
MORE = ("finder", "esnet-cnn", "roost", "megnet")


def needs(backend: str):
    reason = f"{backend} is not installed: pip install {backend}"
    return pytest.param(backend, marks=pytest.mark.skipif(find_spec(backend) is None, reason=reason))


def start(path: Path, names, devices=1, backend="tensorflow", **more: str) -> subprocess.Popen:
    """Train some networks in a process of its own; what comes of it is written to `path`."""
    command = [sys.executable, "-m", "tests.distributed.networks", str(devices), str(path), *names]
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), **more}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def results(*started: tuple[Path, subprocess.Popen]) -> list[dict]:
    for _, process in started:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    return [json.loads(path.read_text()) for path, _ in started]


def compare(one: dict, other: dict, tolerance: float) -> None:
    """Losses and validation errors of every epoch."""
    assert set(one) == set(other)
    for name in one:
        a, b = np.array(one[name]), np.array(other[name])
        assert np.isfinite(a).all() and np.ptp(a) > 0, name
        assert np.allclose(a, b, rtol=tolerance, atol=0), f"{name}: {a.tolist()} and {b.tolist()}"


def one_and_two(folder: Path, names, backend: str) -> None:
    paths = [folder / f"{n}.json" for n in (1, 2)]
    one, two = results(*((path, start(path, names, n + 1, backend)) for n, path in enumerate(paths)))
    compare(one, two, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", needs("jax")])
def test_two_devices_give_the_loss_of_one(backend, tmp_path):
    one_and_two(tmp_path, FEW, backend)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", needs("jax")])
def test_two_devices_give_the_loss_of_one_for_every_kind_of_network(backend, tmp_path):
    one_and_two(tmp_path, MORE, backend)


@pytest.mark.slow
def test_two_machines_give_the_loss_of_one(tmp_path):
    """Two processes that know each other by address, as two machines would."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    workers = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    paths, started = [tmp_path / f"{n}.json" for n in range(3)], []
    for n in range(2):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": n}}
        started.append((paths[n], start(paths[n], FEW, "all", TF_CONFIG=json.dumps(task))))
    first, second = results(*started)
    assert first == second
    compare(results((paths[2], start(paths[2], FEW)))[0], first, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("backend", [needs("jax"), needs("torch")])
def test_every_backend_trains_every_network_alike(backend, tmp_path):
    from experiments.declare.models import NETWORKS

    paths = [tmp_path / name for name in ("tensorflow", backend)]
    ours, theirs = results(*((path, start(path, NETWORKS, 1, path.name)) for path in paths))
    compare(ours, theirs, 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("backend", [needs("jax"), needs("torch")])
def test_a_mean_loss_is_a_number_on_every_backend(backend):
    """By which networks with `monitor="loss"` choose their epoch."""
    code = "from common.nn.losses import mean_of; print(mean_of('mae', [1.0, 2.0], [[1.0], [4.0]]))"
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "1.0\n", done.stderr


def test_the_number_of_devices_comes_from_the_argument_or_the_environment(monkeypatch):
    monkeypatch.delenv("MATREPRO_DEVICES", raising=False)
    assert distribution.wanted() == 1 and distribution.wanted("all") == "all" and distribution.wanted("3") == 3
    monkeypatch.setenv("MATREPRO_DEVICES", "2")
    assert distribution.wanted() == 2 and distribution.wanted(1) == 1
    for wrong in ("0", "-1", "two", "1.5", ""):
        with pytest.raises(UserError, match="is no number of devices; give 1, 2"):
            distribution.wanted(wrong)


def test_one_device_is_the_usual_way():
    assert distribution.on(1) is SINGLE_DEVICE and SINGLE_DEVICE.replicas == 1


def test_gradients_are_summed_in_one_call_and_then_shortened(monkeypatch):
    """A call for each variable would keep TensorFlow busy for minutes before the first update."""
    import tensorflow as tf
    from keras import optimizers

    calls = []

    def summed(grads):
        calls.append(len(grads))
        return [3 * grad for grad in grads]

    monkeypatch.setattr(mirrored, "over_devices", summed)
    optimizer = mirrored._clipping_whole(optimizers.SGD)(0.1, clipnorm=1.0)
    long, short = optimizer._clip_gradients([tf.constant([3.0, 4.0]), tf.constant([0.1, 0.2])])
    assert calls == [2]
    assert np.allclose(long, [0.6, 0.8]) and np.allclose(short, [0.3, 0.6])
    assert optimizer._all_reduce_sum_gradients(["as they are"]) == ["as they are"]


def test_more_devices_than_there_are():
    with pytest.raises(UserError, match="4 devices are asked for and there are 2; give --devices 2"):
        enough(["a", "b"], 4, "CPU:0")
    assert enough(["a", "b"], "all", "CPU:0") == ["a", "b"]
    assert enough([], "all", "CPU:0") == ["CPU:0"]


def test_machines_that_are_named_wrongly(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert not mirrored.several_machines()
    workers = {"worker": ["a:1", "b:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": workers, "task": {"type": "worker", "index": 0}}))
    assert mirrored.several_machines()
    for wrong in ("{", "[]", json.dumps({"cluster": workers}), json.dumps({"cluster": workers, "task": 0})):
        monkeypatch.setenv("TF_CONFIG", wrong)
        with pytest.raises(UserError, match="TF_CONFIG is not JSON with cluster and task"):
            mirrored.several_machines()


def test_devices_change_no_settings(monkeypatch):
    from profitnet.regressor import OFMCNN

    monkeypatch.delenv("MATREPRO_DEVICES", raising=False)
    assert OFMCNN(devices=2).settings() == OFMCNN().settings() and OFMCNN(devices=2).devices == 2


def test_a_wrong_number_of_devices_is_told_before_anything_is_read(tmp_path, capsys):
    from profitnet.cli import main

    assert main(["train", "mini", "--target", "band_gap", "--model", str(tmp_path / "m"), "--devices", "two"]) == 2
    assert capsys.readouterr().err == (
        "profitnet: 'two' is no number of devices; give 1, 2, ... or all (--devices, MATREPRO_DEVICES)\n"
    )
    assert not (tmp_path / "m").exists()
