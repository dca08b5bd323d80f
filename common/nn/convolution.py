"""Layers of Keras with the same weights and outputs that take less time where XLA compiles a network on pictures.

Convolutions with kernels of width 5 by Winograd's method along the width (A. Lavin and S. Gray, CVPR 2016, 4013): the
products of two polynomials are taken at their values in eight points, so four outputs of a kernel of five cost 8
multiplications instead of 20. Along the height the kernel stays as it is: the transforms then take little memory and
time. Rounding errors are about six times those of the plain sum, 1e-5 of the outputs' standard deviation.

Pooling by maxima of neighbours, whose gradient is a choice for every element: XLA's own gradient of a pooling looks for
the maximum again, element by element.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
from keras import layers, ops

#: Outputs of a tile, taps of the kernel, and where the polynomials are evaluated (the last point is infinity).
TILE, TAPS = 4, 5
POINTS = tuple(Fraction(*point) for point in ((0, 1), (1, 1), (-1, 1), (2, 1), (-2, 1), (1, 2), (-1, 2)))


class Conv2D(layers.Conv2D):
    """`keras.layers.Conv2D` with the same weights; "same" convolutions 5 x 5 of many channels take less time."""

    def convolution_op(self, inputs, kernel):
        if not self._pays(inputs.shape):
            return super().convolution_op(inputs, kernel)
        return convolve(inputs, kernel)

    def _pays(self, shape) -> bool:
        plain = self.kernel_size == (TAPS, TAPS) and {*self.strides, *self.dilation_rate, self.groups} == {1}
        last = self.padding == "same" and self.data_format == "channels_last"
        # With few channels the transforms cost more than they save.
        return plain and last and None not in shape[1:3] and shape[2] % TILE == 0 and shape[3] >= 16


class MaxPooling2D(layers.MaxPooling2D):
    """`keras.layers.MaxPooling2D`; windows 2 x 2 side by side take less time. Of equal elements the first counts."""

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
        return side_by_side and self.data_format == "channels_last" and None not in (height, width)


def convolve(x, kernel):
    """The "same" convolution of x (batch, height, width, channels) with kernel (5, 5, channels, filters)."""
    to_inputs, to_kernel, to_outputs = matrices()
    _, height, width, channels = x.shape
    tiles = width // TILE
    margin = TAPS // 2
    x = ops.pad(x, [(0, 0), (0, 0), (margin, margin), (0, 0)])
    x = ops.reshape(x, (-1, height, tiles + 1, TILE, channels))
    x = ops.concatenate([x[:, :, :-1], x[:, :, 1:]], axis=3)  # tiles overlap by four of their eight columns
    columns = ops.unstack(x, axis=3)
    kernels = ops.unstack(ops.einsum("pw,hwcf->phcf", ops.convert_to_tensor(to_kernel, x.dtype), kernel), axis=0)
    products = [
        ops.conv(_weighted(columns, row), ops.expand_dims(of_point, 1), padding="same", data_format="channels_last")
        for row, of_point in zip(to_inputs, kernels, strict=True)
    ]
    outputs = ops.stack([_weighted(products, row) for row in to_outputs], axis=3)
    return ops.reshape(outputs, (-1, height, width, kernel.shape[-1]))


def _weighted(arrays, weights):
    """The sum of arrays with these weights; many of them are 0 or 1."""
    terms = [array if weight == 1 else array * weight for array, weight in zip(arrays, weights, strict=True) if weight]
    return sum(terms[1:], terms[0])


@cache
def matrices() -> tuple[list[list[float]], np.ndarray, list[list[float]]]:
    """What makes values in the points of a tile's eight inputs, of the kernel's taps, and outputs of their products.

    Outputs are a correlation of inputs and kernel: the transposed map of a product of two polynomials, whose
    coefficients follow from their values by the inverse of the Vandermonde matrix.
    """
    size = len(POINTS) + 1
    inverse = _inverse([_powers(point, size) for point in POINTS] + [_at_infinity(size)])
    # The denominators of the interpolation go to the kernel, so that inputs are multiplied by simple numbers.
    scales = [Fraction(1)] * size
    for i, point in enumerate(POINTS):
        for other in POINTS:
            scales[i] *= point - other if other != point else 1
    to_inputs = [[float(inverse[k][i] * scales[i]) for k in range(size)] for i in range(size)]
    taps = [_powers(point, TAPS) for point in POINTS] + [_at_infinity(TAPS)]
    to_kernel = np.array([[float(value / scale) for value in row] for row, scale in zip(taps, scales, strict=True)])
    values = [_powers(point, TILE) for point in POINTS] + [_at_infinity(TILE)]
    to_outputs = [[float(values[i][j]) for i in range(size)] for j in range(TILE)]
    return to_inputs, to_kernel, to_outputs


def _powers(point: Fraction, n: int) -> list[Fraction]:
    return [point**power for power in range(n)]


def _at_infinity(n: int) -> list[Fraction]:
    return [Fraction(0)] * (n - 1) + [Fraction(1)]


def _inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """By Gauss-Jordan elimination, without rounding."""
    size = len(matrix)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(size))] for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for i in range(size):
            if i != column and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [value - factor * other for value, other in zip(rows[i], rows[column], strict=True)]
    return [row[size:] for row in rows]
