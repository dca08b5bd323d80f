"""Training and prediction steps of a model, traced once for every number of rows (TensorFlow).

Keras retraces its own step for the first shapes that it meets, so that the graph, and with it the last bits of a
result, depend on the batches seen before. Here the number of rows is open from the start: an interrupted run that
resumes computes what an uninterrupted one does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

#: Predictions of a few rows before a network is traced.
UNTRACED = 8

_steps: WeakKeyDictionary[Any, dict] = WeakKeyDictionary()


def training_step(model: Any, x: Any, y: Any, weights: Any) -> float:
    """One update of the weights; returns the loss."""
    data = _tensors((x, y) if weights is None else (x, y, weights))
    return float(_step(model, "training", data, _update_of)(data))


def prediction_step(model: Any, x: Any) -> Any:
    """The outputs of the model for one batch."""
    data = _tensors(x)
    return _step(model, "prediction", data, _forward_of)(data)


def untraced_prediction(model: Any, x: Any) -> Any:
    """The same for a batch of few rows, whose first calls run the network's operations one by one: a trace takes as
    long as `UNTRACED` of them, and most processes that predict a few materials end before."""
    known = _steps.setdefault(model, {})
    known["untraced"] = known.get("untraced", 0) + 1
    if known["untraced"] > UNTRACED:
        return prediction_step(model, x)
    return model(_tensors(x), training=False)


def _update_of(model: Any) -> Callable:
    import tensorflow as tf

    def update(data: Any) -> Any:
        x, y, *weights = data
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            loss = model.compute_loss(
                x=x, y=y, y_pred=outputs, sample_weight=weights[0] if weights else None, training=True
            )
            scaled = model.optimizer.scale_loss(loss)
        variables = model.trainable_weights
        model.optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables, strict=True))
        return loss

    return update


def _forward_of(model: Any) -> Callable:
    return lambda x: model(x, training=False)


def _step(model: Any, kind: str, data: Any, make: Callable) -> Callable:
    import tensorflow as tf
    from keras import tree

    known = _steps.setdefault(model, {})
    # A model that is compiled again has another optimizer.
    signature = tree.map_structure(_any_rows, data)
    key = (kind, id(getattr(model, "optimizer", None)), tuple(tree.flatten(signature)))
    if key not in known:
        compiled = bool(getattr(model, "jit_compile", False))
        known[key] = tf.function(make(model), input_signature=[signature], jit_compile=compiled, autograph=False)
    return known[key]


def _any_rows(array: Any) -> Any:
    import tensorflow as tf

    if isinstance(array, tf.SparseTensor):  # an adjacency matrix of Spektral's layers
        return tf.SparseTensorSpec([None] * array.shape.rank, array.dtype)
    shape = [None, *array.shape[1:]] if array.shape.rank else []
    return tf.TensorSpec(shape, array.dtype)


def _tensors(data: Any) -> Any:
    import tensorflow as tf
    from keras import tree

    return tree.map_structure(lambda x: x if isinstance(x, tf.SparseTensor) else tf.convert_to_tensor(x), data)
