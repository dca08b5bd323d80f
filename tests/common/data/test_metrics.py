"""Metrics against numpy, scikit-learn and published output."""

import csv
import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data import metrics
from common.errors import UserError

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
pairs = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=50)


@given(pairs)
def test_regression_metrics_are_those_of_numpy_and_scikit_learn(rows):
    from sklearn import metrics as sk

    target, prediction = np.array(rows).T
    found = metrics.regression(target, prediction)
    close = lambda value: pytest.approx(value, rel=1e-9, abs=1e-9)  # noqa: E731
    assert found["MAE"] == close(sk.mean_absolute_error(target, prediction))
    assert found["MSE"] == close(sk.mean_squared_error(target, prediction))
    assert found["RMSE"] == close(sk.root_mean_squared_error(target, prediction))
    assert found["ME"] == close((prediction - target).mean())
    if np.ptp(target) > 1e-3:
        assert found["R2"] == pytest.approx(sk.r2_score(target, prediction), rel=1e-6, abs=1e-9)
        if np.ptp(prediction) > 1e-3:
            assert found["Pearson"] == pytest.approx(np.corrcoef(target, prediction)[0, 1], abs=1e-6)
    if found["MAE"] > 1e-3:
        always_the_mean = sk.mean_absolute_error(target, np.full(len(target), target.mean()))
        assert found["MAD:MAE"] == pytest.approx(always_the_mean / found["MAE"], rel=1e-6, abs=1e-9)


def test_regression_by_hand():
    found = metrics.regression([1.0, 2.0, 3.0, 6.0], [2.0, 2.0, 2.0, 8.0])
    assert found == pytest.approx(
        {
            "MAE": 1.0,
            "MSE": 1.5,
            "RMSE": 1.5**0.5,
            "ME": 0.5,
            "R2": 1 - 1.5 / 3.5,
            "MAD:MAE": 1.5,
            "Pearson": 18 / (14 * 27) ** 0.5,
        }
    )


def test_a_perfect_prediction():
    found = metrics.regression([1, 2, 4], [1, 2, 4])
    assert found["MAE"] == 0 and found["R2"] == 1 and found["Pearson"] == pytest.approx(1)
    assert found["MAD:MAE"] == np.inf


def test_a_constant_has_no_correlation_and_no_r2():
    """Also where the mean of equal numbers differs from them in the last digit, as for 0.1."""
    found = metrics.regression([0.1] * 3, [0.1, 0.2, 0.3])
    assert np.isnan(found["R2"]) and np.isnan(found["Pearson"])
    assert np.isnan(metrics.pearson([1.0, 2.0, 3.0], [0.1] * 3))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_classification_is_that_of_scikit_learn(rows):
    from sklearn import metrics as sk

    truth, predicted = np.array(rows).T
    found = metrics.classification(truth, predicted)
    assert found["precision"] == pytest.approx(sk.precision_score(truth, predicted, zero_division=np.nan), nan_ok=True)
    assert found["recall"] == pytest.approx(sk.recall_score(truth, predicted, zero_division=np.nan), nan_ok=True)
    if truth.any() and predicted.any():
        assert found["F1"] == pytest.approx(sk.f1_score(truth, predicted))
    else:
        assert np.isnan(found["F1"])


@pytest.mark.parametrize(
    ("target", "prediction", "message"),
    [
        ([], [], "cannot be compared"),
        ([1, 2], [1], "cannot be compared"),
        ([1, np.nan], [1, 2], "1 targets or predictions are not numbers"),
        ([1, np.nan], [np.inf, 2], "2 targets or predictions are not numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused(target, prediction, message):
    for function in (metrics.regression, metrics.pearson):
        with pytest.raises(UserError, match=message):
            function(target, prediction)


# --- published output --------------------------------------------------------------------------------


def rows_of(path) -> list[dict]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.real
@pytest.mark.parametrize("kind", ["composition", "structure"])
def test_fold_errors_of_the_published_finder_predictions(real_data, kind):
    """Mean and spread of the five fold MAEs, and the mean RMSE, as the leaderboard prints them."""
    folder = real_data / "composition"
    predictions = rows_of(folder / "matbench_finder_v1.2_predictions.csv.gz")
    name = {"composition": "Finder_v1.2 composition-only version", "structure": "Finder_v1.2 structure-based version"}
    printed = {r["task"]: r for r in rows_of(folder / "matbench_published_scores.csv") if r["algorithm"] == name[kind]}
    tasks = sorted({row["task"] for row in predictions})
    assert len(tasks) == 5
    for task in tasks:
        targets = {row["id"]: float(row["target"]) for row in rows_of(folder / f"{task}.csv.gz")}
        errors = []
        for fold in "01234":
            rows = [row for row in predictions if row["task"] == task and row["fold"] == fold]
            target = np.array([targets[row["id"]] for row in rows])
            errors.append(metrics.regression(target, np.array([float(row[f"finder_{kind}"]) for row in rows])))
        mae, rmse = (np.array([error[metric] for error in errors]) for metric in ("MAE", "RMSE"))
        found = (mae.mean(), mae.std(), rmse.mean())
        wanted = [float(printed[task][column]) for column in ("mae_mean", "mae_std", "rmse_mean")]
        assert found == pytest.approx(wanted, abs=0.6e-4), task


@pytest.mark.real
@pytest.mark.parametrize(("kind", "mae", "rmse"), [("IS2RE", 0.2654, 0.4063), ("RS2RE", 0.2320, 0.3743)])
def test_errors_of_the_published_esnet_predictions(real_data, kind, mae, rmse):
    rows = rows_of(real_data / "esnet" / f"published_predictions_{kind}.csv")
    assert len(rows) == 7165
    target, prediction = (np.array([float(row[name]) for row in rows]) for name in ("target", "prediction"))
    found = metrics.regression(target, prediction)
    assert round(found["MAE"], 4) == mae and round(found["RMSE"], 4) == rmse
