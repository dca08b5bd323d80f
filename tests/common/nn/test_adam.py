"""The Adam of TensorFlow in one operation a variable."""

import numpy as np
import pytest

from common.train.recipes.recipe import Recipe, learning_rate


@pytest.mark.parametrize(("decay", "compiled"), [(0.0, False), (0.1, False), (0.1, True)])
def test_fused_adam_is_that_of_keras(decay, compiled):
    """Twenty updates with cut gradients, a schedule and an average, of a table that is looked up and of a matrix."""
    import keras

    from common.nn.adam import FusedAdam

    random = np.random.default_rng(0)
    rows, values = random.integers(0, 5, 64), random.normal(size=64).astype("float32")
    ends = []
    for kind, name in ((FusedAdam, "decay"), (keras.optimizers.AdamW, "weight_decay")):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((), dtype="int32"), keras.layers.Embedding(7, 4), keras.layers.Dense(1)])
        rate = learning_rate(Recipe(learning_rate=0.1, epochs=10, schedule="cosine", warmup=2), 2)
        optimizer = kind(rate, clipnorm=0.5, use_ema=True, ema_momentum=0.9, epsilon=1e-8, **{name: decay})
        model.compile(optimizer, "mse", jit_compile=compiled)
        model.fit(rows, values, batch_size=32, epochs=10, shuffle=False, verbose=0)
        ends.append([variable.numpy() for variable in [*model.variables, *optimizer.variables]])
    assert [a.shape for a in ends[0]] == [b.shape for b in ends[1]]
    assert all(np.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in zip(*ends, strict=True))
