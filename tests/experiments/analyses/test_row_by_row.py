"""Our folds beside published predictions of the same materials."""

import numpy as np
import pytest

from common.data.predictions import Predictions
from common.errors import UserError
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.row_by_row import HEAD, compare, table


def ours(n: int = 200) -> Predictions:
    draw = np.random.default_rng(0)
    target = draw.normal(size=n)
    return Predictions(
        np.array([f"m-{i}" for i in range(n)]), target=target, prediction=target + draw.normal(size=n), unit="eV"
    )


def test_a_single_material_that_makes_the_difference_is_named():
    predictions = ours()
    known = dict(zip(predictions.ids.tolist(), predictions.prediction.tolist(), strict=True))
    known["m-7"] = float(predictions.target[7]) + 50.0
    found = compare(predictions, known)
    added = (abs(predictions.prediction[7] - predictions.target[7]) - 50.0) / 200
    assert found["ours"] - found["published"] == pytest.approx(added)
    assert next(iter(found["largest"])) == "m-7"
    assert found["largest"]["m-7"] == pytest.approx(added)
    assert found["without tail"][1] < found["ours"]


def test_the_standard_error_is_that_of_the_paired_differences():
    predictions = ours()
    known = dict(zip(predictions.ids.tolist(), (predictions.target + 1.0).tolist(), strict=True))
    found = compare(predictions, known)
    errors = np.abs(predictions.prediction - predictions.target)
    assert found["difference"] == pytest.approx(errors.mean() - 1.0)
    assert found["standard error"] == pytest.approx(np.std(errors, ddof=1) / np.sqrt(200))


def test_a_material_without_a_published_prediction_is_refused():
    predictions = ours()
    with pytest.raises(UserError, match=r"199 materials have no published prediction \(the first is m-1\)"):
        compare(predictions, {"m-0": 1.0})


def test_a_line_holds_every_number_and_a_column_without_any_is_open():
    predictions = ours()
    known = dict(zip(predictions.ids.tolist(), (predictions.target + 1.0).tolist(), strict=True))
    stored = {"matbench-formula": {"gap": [{"row": "Finder", "fold": 3, **compare(predictions, known)}]}}
    columns = [DatasetPredictions("gap", "band_gap", {}, 5), DatasetPredictions("n", "n", {}, 5)]
    first, second = table(columns, {}, {"derived_from": "matbench-formula", "stored": stored})
    assert first.title == "gap (eV)"
    assert first.head == HEAD
    assert first.rows[0][:2] == ["Finder", "3"]
    assert len(first.rows[0]) == len(HEAD)
    assert first.rows[0][3] == "1"
    assert second.rows == []
    assert second.notes == ["Open, not run yet."]
