"""Training: best weights, patience, learning rates, averages and callbacks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from common.train.loop import predict, train
from common.train.recipes.recipe import Recipe, rate_of
from common.train.strategy import base, steps
from tests.common.train.toy import RECIPE, ROWS, VALIDATION, lines, run, small

# --- prediction ---


def test_first_predictions_of_few_rows_are_not_traced(data, monkeypatch):
    """They equal the traced ones, which come after some of them, and are not used in a training."""
    model, traced = small(), []
    monkeypatch.setattr(steps, "prediction_step", lambda *given: traced.append(1) or original(*given))
    original = base.prediction_step
    few = ROWS[:5]
    found = [predict(model, data[0], few) for _ in range(steps.UNTRACED + 1)]
    assert len(traced) == 1
    np.testing.assert_allclose(found, [found[-1]] * len(found), rtol=1e-6)
    whole = predict(model, data[0], ROWS)
    assert len(ROWS) > base.FEW and len(traced) == 1  # directly by the strategy
    np.testing.assert_allclose(whole[:5], found[-1], rtol=1e-5)
    monkeypatch.setattr(base, "untraced_prediction", None)
    run(data, validation=VALIDATION[:3])


# --- selection ---


@pytest.mark.parametrize("monitor", ["MAE", "MSE"])
def test_the_weights_that_are_best_on_the_validation_part_are_left_in_the_model(data, monitor, tmp_path):
    targets = data[1].copy()
    targets[VALIDATION] *= 0.4  # so that the network meets them on its way and then leaves them again
    recipe = replace(RECIPE, learning_rate=0.02, epochs=12, monitor=monitor)
    model, state = run((data[0], targets), recipe, folder=tmp_path)
    scores = [row[f"validation_{monitor}"] for row in state.history]
    assert state.best == min(scores) and 0 < state.best_epoch == int(np.argmin(scores)) < 11
    error = predict(model, data[0], VALIDATION)[:, 0] - targets[VALIDATION]
    assert {"MAE": np.abs(error).mean(), "MSE": (error**2).mean()}[monitor] == pytest.approx(state.best, rel=1e-6)
    written = (tmp_path / "history.csv").read_text().splitlines()
    assert written[0] == "epoch,loss,validation_MAE,validation_MSE,seconds" and len(written) == 13
    assert [float(line.split(",")[2]) for line in written[1:]] == pytest.approx(
        [row["validation_MAE"] for row in state.history], rel=1e-5
    )


@pytest.mark.parametrize(("batch", "parts"), [(40, 1), (8, 1), (7, 3), (16, 5), (3, 4)])
def test_the_loss_of_an_epoch_is_its_mean_over_all_rows(data, batch, parts):
    """At a learning rate of zero that is the error of the untrained network, however the batches are cut."""
    recipe = replace(RECIPE, batch=batch, accumulation_steps=parts, learning_rate=0.0, epochs=1)
    model = small(dropout=0.0)
    state = train(model, *data, ROWS, VALIDATION, recipe, seed=0)
    error = predict(model, data[0], ROWS)[:, 0] - data[1][ROWS]
    assert state.history[0]["loss"] == pytest.approx((error**2).mean(), rel=1e-5)


def test_without_a_validation_part_the_loss_decides(data):
    _, state = run(data, validation=VALIDATION[:0])
    losses = [row["loss"] for row in state.history]
    assert state.best == min(losses) and set(state.history[0]) == {"epoch", "loss", "seconds"}
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_patience_ends_a_run_that_no_longer_improves(data, patience):
    _, state = run(data, replace(RECIPE, learning_rate=0.0, epochs=6, patience=patience))
    assert state.best_epoch == 0 and state.epoch == (1 + patience if patience else 6)


@pytest.mark.parametrize("validation", [VALIDATION, VALIDATION[:0]])
def test_a_loss_that_is_not_a_number_stops_the_run(data, validation):
    with pytest.raises(UserError, match=r"the loss is not a number after epoch \d; lower the learning rate"):
        run(data, replace(RECIPE, learning_rate=1e30), validation=validation)


def test_nothing_to_train_on(data):
    with pytest.raises(UserError, match="no training material"):
        train(None, *data, ROWS[:0], VALIDATION, RECIPE, seed=0)


def test_predictions_do_not_depend_on_the_batch(data):
    model = small()
    whole = predict(model, data[0], ROWS)
    assert whole.shape == (40, 1) and whole.dtype == np.float64
    assert np.allclose(predict(model, data[0], ROWS, batch=7), whole, atol=1e-6)
    assert predict(model, data[0], ROWS[:0]).shape == (0, 1)


def test_what_the_result_does_not_depend_on_is_not_in_the_numbers():
    assert RECIPE.numerical_fields() == replace(RECIPE, accumulation_steps=4, checkpoint_seconds=1e9).numerical_fields()
    assert RECIPE.numerical_fields() != replace(RECIPE, batch=9).numerical_fields()


# --- plateaus ---


@given(st.lists(st.sampled_from([1.0, 0.99995, 0.9, 0.8, 0.7]), max_size=30), st.integers(1, 4))
def test_the_learning_rate_falls_as_with_kerass_callback(scores, patience):
    from types import SimpleNamespace

    from keras.callbacks import ReduceLROnPlateau

    callback = ReduceLROnPlateau(monitor="score", mode="min", factor=0.5, patience=patience)
    callback.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.01)))
    callback.on_train_begin()
    for number, score in enumerate(scores):
        callback.on_epoch_end(number, {"score": score})
    history = [{"loss": 0.0, "validation_loss": score} for score in scores]
    rate = rate_of(replace(RECIPE, monitor="loss", plateau=patience), len(scores), history)
    assert rate == pytest.approx(callback.model.optimizer.learning_rate, rel=1e-6)


def test_a_run_on_a_plateau_goes_on_with_the_rate_that_it_had(data, tmp_path):
    recipe = replace(RECIPE, epochs=6, monitor="loss", plateau=1, learning_rate=0.3)
    alone, straight = run(data, recipe)
    run(data, replace(recipe, epochs=4), folder=tmp_path)
    model, state = run(data, recipe, folder=tmp_path)
    assert lines(state) == lines(straight) and rate_of(recipe, state.epoch, state.history) < 0.3
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), alone.get_weights(), strict=True))


def test_the_monitored_loss_is_that_of_the_validation_part(data):
    recipe = replace(RECIPE, loss="log_cosh", monitor="loss", epochs=2)
    model, state = run(data, recipe)
    error = predict(model, data[0], VALIDATION)[:, 0] - data[1][VALIDATION]
    assert state.best == pytest.approx(np.log(np.cosh(error)).mean(), rel=1e-4)
    assert state.best == min(row["validation_loss"] for row in state.history)


def test_recipes_that_contradict_themselves():
    with pytest.raises(UserError, match="monitor 'R2' is unknown"):
        Recipe(monitor="R2")
    with pytest.raises(UserError, match="cannot fall on plateaus too"):
        Recipe(plateau=5, decay_every="update")


# --- averages and callbacks ---


def test_epochs_are_judged_by_the_averaged_weights(data, tmp_path):
    recipe = replace(RECIPE, average=0.9, epochs=6)
    model, state = run(data, recipe)
    error = predict(model, data[0], VALIDATION)[:, 0] - data[1][VALIDATION]
    assert np.abs(error).mean() == pytest.approx(state.best, rel=1e-6)
    assert lines(state) != lines(run(data, replace(recipe, average=0.0))[1])
    run(data, replace(recipe, epochs=3), folder=tmp_path)
    again, resumed = run(data, recipe, folder=tmp_path)
    assert lines(resumed) == lines(state)
    assert all(np.array_equal(a, b) for a, b in zip(again.get_weights(), model.get_weights(), strict=True))


def test_the_last_weights_are_the_average_where_these_are_left(data):
    model, state = run(data, replace(RECIPE, average=0.9, keep="last"))
    error = predict(model, data[0], VALIDATION)[:, 0] - data[1][VALIDATION]
    assert np.abs(error).mean() == pytest.approx(state.history[-1]["validation_MAE"], rel=1e-6)


def test_a_schedule_is_not_resumed_with_another_number_of_epochs(data, tmp_path):
    recipe = replace(RECIPE, schedule="cosine", warmup=1)
    run(data, recipe, folder=tmp_path)
    with pytest.raises(UserError, match="of another run"):
        run(data, replace(recipe, epochs=8), folder=tmp_path)


def test_callbacks_see_every_epoch_and_may_stop_the_run(data):
    from keras.callbacks import Callback

    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, sorted(logs)))
            self.model.stop_training = epoch == 1

    seen: list = []
    _, state = run_with(data, [Stop()])
    assert [epoch for epoch, _ in seen] == [0, 1] and state.epoch == 2
    assert seen[0][1] == ["loss", "val_MAE", "val_MSE", "val_loss"]


def run_with(data, callbacks):
    model = small()
    return model, train(model, *data, ROWS, VALIDATION, RECIPE, seed=0, callbacks=callbacks)
