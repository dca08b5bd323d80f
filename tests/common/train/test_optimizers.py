"""Recipes of other programs: their optimizers, cut gradients and learning rates that drop."""

from dataclasses import replace

import numpy as np
import pytest

from common.errors import UserError
from common.train.recipes.recipe import Recipe, learning_rate, make_optimizer, rate_of


def step(recipe: Recipe, gradient, steps: int = 1):
    """What a variable that starts at 1 becomes."""
    import keras

    variable = keras.Variable(np.ones(len(gradient), dtype=np.float32))
    optimizer = make_optimizer(recipe, recipe.learning_rate)
    optimizer.build([variable])
    for _ in range(steps):
        optimizer.apply([keras.ops.convert_to_tensor(np.asarray(gradient, dtype=np.float32))], [variable])
    return variable.numpy()


def test_gradient_descent_with_momentum():
    """v = 0.9 v - rate * gradient, as in PyTorch: after two steps 1 + 1.9 of it."""
    recipe = Recipe(optimizer="sgd", learning_rate=0.1)
    assert np.allclose(step(recipe, [1.0]), 0.9) and np.allclose(step(recipe, [1.0], 2), 0.9 - 0.19)


def test_gradients_are_cut():
    recipe = Recipe(optimizer="sgd", learning_rate=0.1, clip=1.0)
    assert np.allclose(step(recipe, [3.0, 4.0]), [1 - 0.06, 1 - 0.08])
    assert np.allclose(step(recipe, [0.3, 0.4]), [1 - 0.03, 1 - 0.04])


def test_weights_decay():
    """AdamW takes off rate * decay of the weight, whatever the gradient."""
    plain, decayed = Recipe(learning_rate=0.1), Recipe(optimizer="adamw", learning_rate=0.1, weight_decay=0.5)
    assert np.allclose(step(plain, [2.0]) - step(decayed, [2.0]), 0.05, atol=1e-4)


def test_the_learning_rate_drops():
    recipe = Recipe(learning_rate=0.01, drop_at=3)
    assert np.allclose([rate_of(recipe, k, []) for k in range(5)], [0.01, 0.01, 0.01, 0.001, 0.001])


def test_recipes_of_before_are_unchanged():
    assert not {"optimizer", "weight_decay", "clip", "drop_at"} & set(Recipe().numerical_fields())
    assert Recipe(optimizer="sgd").numerical_fields()["optimizer"] == "sgd"
    with pytest.raises(UserError, match="optimizer 'lion' is unknown; choose one of adam, sgd, adamw"):
        Recipe(optimizer="lion")


def test_the_cosine_schedule_warms_up_and_ends_at_zero():
    recipe = Recipe(learning_rate=0.1, epochs=10, schedule="cosine", warmup=2)
    rates = learning_rate(recipe, 5)
    found = np.array([float(rates(step)) for step in range(51)])
    assert np.allclose(found[:11], 0.01 * np.arange(11)) and np.argmax(found) == 10
    assert np.allclose(found[10:], 0.05 * (1 + np.cos(np.pi * np.arange(41) / 40)), atol=1e-6)
    assert np.argmax([float(learning_rate(replace(recipe, epochs=2), 5)(step)) for step in range(11)]) == 5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schedule": "cosine", "plateau": 3}, "sets the learning rate; leave out plateau"),
        ({"schedule": "step"}, "schedule 'step' is unknown; choose one of cosine"),
        ({"average": 1.0}, "average is 1; the decay of a moving average"),
        ({"epochs": -8}, r"epochs \(-8\)"),
        ({"follow": "test"}, "the test set may be followed only where nothing is chosen by it"),
        ({"warmup": -1}, "warmup is -1 epochs"),
    ],
)
def test_contradictions_are_refused(fields, message):
    with pytest.raises(UserError, match=message):
        Recipe(**fields)
