"""Winograd's method for convolutions, along the last axis of space: fewer multiplications, the same result.

A tile of four outputs of a kernel with r taps is a product of polynomials. Its values in r + 3 points give its
coefficients, so it takes r + 3 multiplications instead of 4 r: half of them for three taps, 40 % for five (A. Lavin and
S. Gray, CVPR 2016, 4013). Other axes are left to the product of a point. Rounding errors are two to six times those of
the plain sum, some 1e-5 of the outputs' standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from keras import ops
from numpy.polynomial.polynomial import polyfromroots

TILE = 4
#: Where the polynomials are evaluated; the last point is infinity. A kernel with r taps takes the first r + 2.
POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)


def convolve(x, kernel, product: Callable):
    """The "same" convolution of x (batch, ..., width, channels) with kernel (..., taps, channels, filters).

    product: of what belongs to one point, x (batch, ..., tiles, channels) and kernel (..., channels, filters).
    """
    *others, width, channels = x.shape[1:]
    taps = kernel.shape[-3]
    to_inputs, to_kernel, to_outputs = matrices(taps)
    tiles = -(-width // TILE)
    # One tile more than there are: the last columns of a tile of inputs are the first ones of the next.
    left = taps // 2
    margins = [(0, 0)] * (len(others) + 1) + [(left, (tiles + 1) * TILE - width - left), (0, 0)]
    x = ops.reshape(ops.pad(x, margins), (-1, *others, tiles + 1, TILE, channels))
    parts = ops.unstack(x, axis=-2)
    columns = [part[..., :-1, :] for part in parts] + [part[..., 1:, :] for part in parts[: taps - 1]]
    kernels = ops.unstack(ops.einsum("pw,...wcf->p...cf", ops.convert_to_tensor(to_kernel, kernel.dtype), kernel))
    products = [product(_sum(columns, row), of_point) for row, of_point in zip(to_inputs, kernels, strict=True)]
    outputs = ops.stack([_sum(products, row) for row in to_outputs], axis=-2)
    outputs = ops.reshape(outputs, (-1, *others, tiles * TILE, kernel.shape[-1]))
    return outputs[..., :width, :] if width % TILE else outputs


def _sum(arrays, weights):
    """The sum of arrays with these weights, many of which are 0 or 1."""
    terms = [array if weight == 1 else array * weight for array, weight in zip(arrays, weights, strict=True) if weight]
    return sum(terms[1:], terms[0])


@cache
def matrices(taps: int) -> tuple[list[list[float]], np.ndarray, list[list[float]]]:
    """What makes values in the points from a tile's inputs and from the kernel, and outputs from their products.

    A correlation is the transposed map of a product of polynomials. Lagrange's interpolation gives its coefficients;
    the denominators go to the kernel, so that inputs are multiplied by simple numbers.
    """
    size = TILE + taps - 1
    points = np.array(POINTS[: size - 1])
    apart = [np.delete(points, i) for i in range(len(points))]
    to_inputs = np.array([np.append(polyfromroots(others), 0.0) for others in apart] + [polyfromroots(points)])
    scales = np.array([np.prod(point - others) for point, others in zip(points, apart, strict=True)] + [1.0])
    return to_inputs.tolist(), _values(points, taps) / scales[:, None], _values(points, TILE).T.tolist()


def _values(points: np.ndarray, n: int) -> np.ndarray:
    """The powers 0 to n - 1 of every point, then those of infinity, where the highest one alone counts."""
    return np.vstack([np.vander(points, n, increasing=True), np.eye(n)[-1]])
