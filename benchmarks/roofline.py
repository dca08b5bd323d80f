"""How near an update of each network is to what this machine can do.

    python -m benchmarks.roofline measure [MODEL ...]      # on quiet cores; stored in roofline.json
    python -m benchmarks.roofline                          # the table of docs/scale.md

The limit is the time that the arithmetic of an update takes at the speed of large matrix products, or that its weights
take to pass through memory, whichever is longer. Arithmetic: the matrix products and convolutions in TensorFlow's graph
of the output and the gradients. Memory: weights, gradients and Adam's two moments, each read and written;
activations are not counted, so the true limit is higher. Both speeds are measured in the process that times the update.
"""

from __future__ import annotations

import json
import string
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale import PAGE, ROUNDS, ROWS, markdown, measure, prepared, replace_table
from benchmarks.timing import best_of
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note
from common.train import devices
from common.train.loop import compile_network
from common.train.recipes.recipe import make_optimizer

POINTS = Path(__file__).with_name("roofline.json")
#: Side of the square matrices and megabytes of the array by which this machine is measured.
SIDE, STREAM = 1536, 256
#: Bytes that pass through memory for a weight in an update of Adam: the weight is read by the forward and the backward
#: pass, its gradient written and read, weight and both moments read and written; 4 bytes each.
BYTES = 4 * (2 + 2 + 6)


def point(name: str) -> dict:
    """Time, arithmetic and traffic of one update, and the two speeds of the machine."""
    devices.setup(0)
    import tensorflow as tf

    regressor, features, targets = prepared(name)
    rows = np.arange(min(regressor.recipe.batch, ROWS)) % len(targets)
    x, y = features.batch(rows), targets[rows]
    model, xla = regressor.build(), bool(regressor.recipe.xla)
    compile_network(model, make_optimizer(regressor.recipe, 1e-4), regressor.recipe.loss, xla=xla)
    model.train_on_batch(x, y)
    inputs = tf.nest.map_structure(tf.convert_to_tensor, x)
    return {
        "seconds": best_of(2 * ROUNDS, lambda: model.train_on_batch(x, y))[0],
        "operations": operations(model, inputs),
        "bytes": BYTES * int(sum(np.prod(weight.shape) for weight in model.trainable_weights)),
        "speed": matrix_speed(),
        "bandwidth": memory_speed(),
        "batch": len(rows),
        "xla": xla,
    }


def operations(model: Any, inputs: Any) -> int:
    """Floating-point operations of the products that give the output and the gradients with respect to the weights."""
    import tensorflow as tf

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(x, training=True) ** 2)
        return tape.gradient(loss, model.trainable_weights)

    graph = tf.function(step).get_concrete_function(inputs).graph
    return sum(COUNTED[op.type](op) for op in _needed(graph.outputs) if op.type in COUNTED)


def _needed(outputs: Iterable[Any]) -> set[Any]:
    """The operations that the outputs depend on; TensorFlow drops others, such as gradients of the inputs."""
    found, waiting = set(), [tensor.op for tensor in outputs]
    while waiting:
        op = waiting.pop()
        if op not in found:
            found.add(op)
            waiting += [tensor.op for tensor in op.inputs]
    return found


def _product(op: Any) -> int:
    """Of matrices, or of many pairs of them."""
    transposed = op.get_attr("transpose_a") if op.type == "MatMul" else op.get_attr("adj_x")
    return 2 * op.outputs[0].shape.num_elements() * op.inputs[0].shape[-2 if transposed else -1]


def _convolution(op: Any) -> int:
    """Forward, or a gradient: every entry of the output once with every weight of its filter."""
    kernel = {"Conv2D": op.inputs[1], "Conv2DBackpropInput": op.inputs[1], "Conv2DBackpropFilter": op.outputs[0]}
    output = op.outputs[0] if op.type == "Conv2D" else op.inputs[2]
    return 2 * output.shape.num_elements() * int(np.prod(kernel[op.type].shape.as_list()[:3]))


def _einsum(op: Any) -> int:
    """Twice the product of the lengths of all indices."""
    subscripts = op.get_attr("equation").decode().split("->")[0].split(",")
    lengths: dict[str, int] = {}
    for term, tensor in zip(subscripts, op.inputs, strict=True):
        shape = tensor.shape.as_list()
        letters = [letter for letter in term if letter in string.ascii_letters]
        if len(letters) != len(shape):  # an ellipsis stands for leading axes
            lengths["..."] = int(np.prod(shape[: len(shape) - len(letters)]))
        lengths |= dict(zip(letters, shape[len(shape) - len(letters) :], strict=True))
    return 2 * int(np.prod(list(lengths.values())))


#: Operations of TensorFlow's graph -> how their floating-point operations are counted. Its own profiler counts those
#: of the gradients of convolutions wrongly.
COUNTED = {
    "MatMul": _product,
    "BatchMatMulV2": _product,
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _convolution,
    "Conv2DBackpropFilter": _convolution,
    "Einsum": _einsum,
}


def matrix_speed() -> float:
    """Operations a second of products of large float32 matrices, by TensorFlow."""
    import tensorflow as tf

    one = tf.random.normal((SIDE, SIDE))
    tf.linalg.matmul(one, one)
    seconds, _ = best_of(2 * ROUNDS, lambda: tf.linalg.matmul(one, one).numpy())
    return 2 * SIDE**3 / seconds


def memory_speed() -> float:
    """Bytes a second of adding one to a large array in place, read and written."""
    array = np.zeros(STREAM * 2**20 // 4, dtype=np.float32)
    seconds, _ = best_of(2 * ROUNDS, lambda: np.add(array, 1, out=array))
    return 2 * array.nbytes / seconds


def share(point: dict) -> float:
    """The limit as a share of the measured time."""
    return max(_limits(point)) / point["seconds"]


def _limits(point: dict) -> tuple[float, float]:
    return point["operations"] / point["speed"], point["bytes"] / point["bandwidth"]


def table() -> str:
    points = json.loads(POINTS.read_text()) if POINTS.exists() else {}
    rows = []
    for name, one in sorted(points.items()):
        arithmetic, memory = _limits(one)
        rows.append(
            [
                name,
                f"{one['batch']}",
                "yes" if one["xla"] else "no",
                f"{one['operations'] / 1e9:.3g}",
                f"{one['bytes'] / 1e6:.3g}",
                f"{1e3 * arithmetic:.3g}",
                f"{1e3 * memory:.3g}",
                f"{1e3 * one['seconds']:.3g}",
                f"{100 * share(one):.0f} %",
                f"{one['speed'] / 1e9:.0f}, {one['bandwidth'] / 1e9:.1f}",
                f"{one['load']:.1f}, {one['date']}",
            ]
        )
    head = ["model", "batch", "XLA", "gigaoperations", "MB of weights", "arithmetic (ms)", "memory (ms)", "update (ms)"]
    return markdown([*head, "limit / update", "machine (Gop/s, GB/s)", "load, date"], rows)


def write() -> None:
    """Replace the table of the page."""
    write_text(PAGE, replace_table(PAGE.read_text(), "roofline", table(), by="benchmarks.roofline"))
    note(f"wrote {PAGE}")


if __name__ == "__main__":
    try:
        measure(sys.argv[2:], "benchmarks.roofline:point", POINTS) if sys.argv[1:2] == ["measure"] else write()
    except UserError as error:
        note(f"benchmarks.roofline: {error}")
        sys.exit(2)
