"""Several models as one: weights from the validation set, errors on the test set."""

import numpy as np
import pytest

from common.data.predictions import Predictions
from experiments.analyses import stack
from experiments.cli.main import main
from experiments.declare import plan
from experiments.run import store


def predictions(values, target, first=0):
    ids = np.array([f"m{first + k}" for k in range(len(target))])
    return Predictions(ids, np.asarray(values, dtype=float), np.asarray(target, dtype=float), unit="eV")


def test_weights_of_a_mixture_are_found():
    random = np.random.default_rng(0)
    columns = random.normal(size=(200, 3))
    assert stack.weights(columns, columns @ [0.2, 0.0, 0.8]) == pytest.approx([0.2, 0.0, 0.8], abs=1e-6)


def test_weights_minimize_the_absolute_error():
    """No better ones on a grid of all mixtures of two models."""
    random = np.random.default_rng(1)
    target = random.normal(size=60)
    columns = np.stack([target + random.normal(size=60), target + random.standard_t(2, size=60)], axis=1)
    best = np.abs(columns @ stack.weights(columns, target) - target).mean()
    shares = np.linspace(0, 1, 201)
    grid = min(np.abs(columns @ [w, 1 - w] - target).mean() for w in shares)
    assert best <= grid + 1e-9 and best == pytest.approx(grid, abs=1e-3)


def test_only_what_all_members_predict_counts():
    target = np.arange(4.0)
    one, other = predictions(target + 1, target), predictions(target[1:] - 1, target[1:], first=1)
    found = stack.stacked({"one": one, "other": other}, {"one": one, "other": other})
    assert found["validation"] == found["test"] == 3
    assert found["errors"]["one"] == [1, 1] and found["errors"]["other"] == [1, 1]
    assert found["errors"][stack.STACK] == pytest.approx([0, 0], abs=1e-9)
    assert found["weights"] == {"one": 0.5, "other": 0.5}


def test_table_of_folds():
    one = {
        "split": 0,
        "unit": "eV",
        "weights": {"a": 0.25, "b": 0.75},
        "errors": {"a": [2, 0.4], "b": [1, 0.5], "stack": [1, 0.3]},
    }
    found = stack.table([type("Column", (), {"name": "gap"})], {}, {"stored": {"gap": [one, one | {"split": 1}]}})[0]
    assert found.title == "gap (eV)"
    assert found.rows[0] == ["0", "0.4 (0.25)", "0.5 (0.75)", "0.3", "25.0 %"]
    assert found.rows[2] == ["mean", "–", "–", "0.3", "–"]
    assert stack.table([type("Column", (), {"name": "gap"})], {}, {})[0].notes == ["Open, not run yet."]


def test_runs_with_stored_validation_predictions(tmp_path, monkeypatch, capsys):
    """Two classical models of the embedded table are trained by the command and stacked from what it stored."""
    monkeypatch.setenv("MATREPRO_RESULTS", str(tmp_path))
    assert main(["reproduce", "profitnet", "check", "--only", "XGBoost-Magpie,RF-Magpie,dummy"]) == 0
    capsys.readouterr()
    runs = plan.runs("profitnet", "check", "mini", only=["XGBoost-Magpie", "RF-Magpie", "dummy"])
    assert all(store.finished(run) and store.has_validation(run) for run in runs)
    for run in runs:
        validation, record = store.load(run, store.VALIDATION)
        assert len(validation) == record["split"]["n_validation"]
        assert not set(validation.ids) & set(store.load(run)[0].ids)
    monkeypatch.setattr(stack.plan, "runs", lambda paper, table, scale: runs)
    found = stack.compared("profitnet", "check")
    (one,) = found["formation energy (mini)"]
    assert list(one["weights"]) == ["XGBoost-Magpie", "RF-Magpie"] and sum(one["weights"].values()) == pytest.approx(1)
    assert one["errors"]["stack"][0] <= min(one["errors"][name][0] for name in one["weights"]) + 1e-9
    store.folder_of(runs[0]).joinpath("validation.csv.gz").unlink()
    assert stack.compared("profitnet", "check") == {}
