"""Layers of Keras with the same weights and outputs that take less time where XLA compiles them for a processor.

Convolutions over many channels by Winograd's method (`winograd.py`). Pooling by maxima of neighbours, whose gradient
chooses for every element by itself: XLA's own gradient of a pooling looks for the maximum again. Before `set_compiled`
they are the layers of Keras.
"""

from __future__ import annotations

from typing import Any

from keras import layers, ops

from common.nn import winograd

#: With fewer channels, the sums before and after the products cost more than is saved.
CHANNELS = 16


def set_compiled(model: Any, compiled: bool) -> None:
    """Tell the layers of a model whether XLA compiles them; to be called before the model is traced."""
    for layer in model.layers:
        if isinstance(layer, (Conv1D, Conv2D, MaxPooling2D)):
            layer.compiled = compiled


class Conv1D(layers.Conv1D):
    """`keras.layers.Conv1D`, where a kernel of width 3 slides over many channels in less time."""

    compiled = False

    def call(self, inputs):
        if not _pays(self, inputs.shape, taps=3):
            return super().call(inputs)
        # Keras' own class convolves in its `call`; the one that it is derived from calls `convolution_op`.
        return super(layers.Conv1D, self).call(inputs)

    def convolution_op(self, inputs, kernel):
        return winograd.convolve(inputs, kernel, _product)


class Conv2D(layers.Conv2D):
    """`keras.layers.Conv2D`, where a kernel of 5 x 5 slides over many channels in less time."""

    compiled = False

    def convolution_op(self, inputs, kernel):
        if not _pays(self, inputs.shape, taps=5):
            return super().convolution_op(inputs, kernel)
        return winograd.convolve(inputs, kernel, _column_product)


class MaxPooling2D(layers.MaxPooling2D):
    """`keras.layers.MaxPooling2D`; windows 2 x 2 side by side take less time. Of equal elements the first counts."""

    compiled = False

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        if not self._pays(height, width):
            return super().call(inputs)
        height, width = height // 2, width // 2  # an odd last row or column is left out
        windows = ops.reshape(inputs[:, : 2 * height, : 2 * width], (-1, height, 2, width, 2, channels))
        above, below = (ops.maximum(windows[:, :, i, :, 0], windows[:, :, i, :, 1]) for i in (0, 1))
        return ops.maximum(above, below)

    def _pays(self, height, width) -> bool:
        side_by_side = tuple(self.pool_size) == tuple(self.strides) == (2, 2) and self.padding == "valid"
        return self.compiled and side_by_side and self.data_format == "channels_last" and None not in (height, width)


def _pays(layer, shape, taps: int) -> bool:
    """Whether this convolution is of the kind that takes less time."""
    plain = set(layer.kernel_size) == {taps} and {*layer.strides, *layer.dilation_rate, layer.groups} == {1}
    same = layer.padding == "same" and layer.data_format == "channels_last"
    return layer.compiled and plain and same and None not in shape[1:] and shape[-1] >= CHANNELS


def _product(x, kernel):
    """x (batch, tiles, channels) times kernel (channels, filters)."""
    rows = ops.matmul(ops.reshape(x, (-1, x.shape[-1])), kernel)
    return ops.reshape(rows, (-1, x.shape[1], kernel.shape[-1]))


def _column_product(x, kernel):
    """The convolution of x (batch, height, tiles, channels) along the height with kernel (5, channels, filters)."""
    return ops.conv(x, ops.expand_dims(kernel, 1), padding="same", data_format="channels_last")
