"""Convolutional block attention (CBAM) over channels and energies, and the residual unit that contains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras import layers, ops

from common.nn.convolution import Conv1D

if TYPE_CHECKING:
    from keras import KerasTensor


def channel_attention(x: KerasTensor, reduction: int = 8) -> KerasTensor:
    """Weight the channels by a shared two-layer network of their mean and maximum over energies."""
    channels = x.shape[-1]
    narrow = layers.Dense(channels // reduction, activation="relu", kernel_initializer="he_normal")
    wide = layers.Dense(channels, kernel_initializer="he_normal")
    weight = layers.Add()(
        [wide(narrow(pool()(x))) for pool in (layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D)]
    )
    weight = layers.Reshape((1, channels))(layers.Activation("sigmoid")(weight))
    return layers.Multiply()([x, weight])


def energy_attention(x: KerasTensor, width: int = 7) -> KerasTensor:
    """Weight the energies by a convolution of the maximum and the mean over channels."""
    highest = ops.max(x, axis=-1, keepdims=True)
    mean = ops.mean(x, axis=-1, keepdims=True)
    both = layers.Concatenate()([highest, mean])
    weight = layers.Conv1D(1, width, padding="same", use_bias=False, activation="sigmoid")(both)
    return layers.Multiply()([x, weight])


def residual_unit(x: KerasTensor, channels: int, momentum: float = 0.99) -> KerasTensor:
    """conv 3, BN, ReLU, conv 3, BN, attention; add the input (conv 1 and BN if the channels change); ReLU."""
    y = Conv1D(channels, 3, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization(momentum=momentum)(y))
    y = layers.BatchNormalization(momentum=momentum)(Conv1D(channels, 3, padding="same")(y))
    y = energy_attention(channel_attention(y))
    if x.shape[-1] != channels:
        x = layers.BatchNormalization(momentum=momentum)(layers.Conv1D(channels, 1)(x))
    return layers.ReLU()(layers.Add()([x, y]))
