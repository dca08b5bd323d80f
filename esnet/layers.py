"""Attention over channels and over energies (CBAM), and the residual unit that ends in it."""

from __future__ import annotations

from keras import layers, ops


def channel_attention(x, reduction: int = 8):
    """Every channel times a weight from its mean and its maximum over energies, both through one small network."""
    channels = x.shape[-1]
    narrow = layers.Dense(channels // reduction, activation="relu", kernel_initializer="he_normal")
    wide = layers.Dense(channels, kernel_initializer="he_normal")
    weight = layers.Add()(
        [wide(narrow(pool()(x))) for pool in (layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D)]
    )
    weight = layers.Reshape((1, channels))(layers.Activation("sigmoid")(weight))
    return layers.Multiply()([x, weight])


def energy_attention(x, width: int = 7):
    """Every energy times a weight from the maximum and the mean over channels around it."""
    highest = ops.max(x, axis=-1, keepdims=True)
    mean = ops.mean(x, axis=-1, keepdims=True)
    both = layers.Concatenate()([highest, mean])
    weight = layers.Conv1D(1, width, padding="same", use_bias=False, activation="sigmoid")(both)
    return layers.Multiply()([x, weight])


def residual_unit(x, channels: int, momentum: float = 0.99):
    """conv 3, BN, ReLU, conv 3, BN, attention; plus the input (conv 1, BN where the channels change); ReLU."""
    y = layers.Conv1D(channels, 3, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization(momentum=momentum)(y))
    y = layers.BatchNormalization(momentum=momentum)(layers.Conv1D(channels, 3, padding="same")(y))
    y = energy_attention(channel_attention(y))
    if x.shape[-1] != channels:
        x = layers.BatchNormalization(momentum=momentum)(layers.Conv1D(channels, 1)(x))
    return layers.ReLU()(layers.Add()([x, y]))
