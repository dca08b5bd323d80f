"""Weights as small integers with one float32 scale per output channel, in a compressed `.npz` without pickled objects.

The integers are stored as int8. Those of fewer bits take less space, since their Huffman codes are shorter.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence

import numpy as np

from common.errors import UserError
from common.io.compressed import DAMAGE, check_archive
from common.io.hdf5 import DAMAGE as ARRAYS

#: Arrays with fewer axes or numbers than these, such as biases, stay as they are.
MIN_AXES, MIN_SIZE = 2, 64
#: Arrays of at least this size have the number of bits that is asked for; all others have 8, since they are few.
LARGE = 2**20


def quantize(weights: np.ndarray, bits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Integers of the shape of `weights`, and scales for its last axis, the output channels of a Keras kernel."""
    largest = 2 ** (bits - 1) - 1
    axes = tuple(range(weights.ndim - 1))
    scales = (np.abs(weights).max(axis=axes) / largest).astype(np.float32)
    steps = weights / np.where(scales > 0, scales, 1)
    return np.clip(np.rint(steps), -largest, largest).astype(np.int8), scales


def restore(quantized: np.ndarray, scales: np.ndarray) -> np.ndarray:
    return quantized.astype(np.float32) * scales


def pack(arrays: Sequence[np.ndarray], bits: int = 8) -> bytes:
    """A list of arrays as the content of an `.npz` file; equal arrays give equal bytes."""
    stored: dict[str, np.ndarray] = {}
    for number, array in enumerate(arrays):
        name = f"w{number:04d}"
        if array.dtype == np.float32 and array.ndim >= MIN_AXES and array.size >= MIN_SIZE:
            if not np.isfinite(array).all():
                raise UserError(f"weight {number} holds values that are not finite; train the model again")
            stored[f"{name}.int8"], stored[f"{name}.scale"] = quantize(array, bits if array.size >= LARGE else 8)
        else:
            stored[name] = array
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **stored)
    return content.getvalue()


def unpack(content: bytes) -> list[np.ndarray]:
    """The arrays of `pack`, those of int8 restored to float32."""
    try:
        check_archive(io.BytesIO(content), "the weights")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            names = sorted({name.partition(".")[0] for name in stored.files})
            return [
                stored[name] if name in stored.files else restore(stored[f"{name}.int8"], stored[f"{name}.scale"])
                for name in names
            ]
    except (*DAMAGE, *ARRAYS, SyntaxError, struct.error, zipfile.BadZipFile) as error:
        raise UserError(f"the weights cannot be read ({error}); copy or install the preset again") from None
