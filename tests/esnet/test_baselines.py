"""The classical models: searches without the test set, with inner folds grouped as the split is."""

import numpy as np
import pytest

from common.baselines.classical import Median
from common.data.splits import Split, by_fractions, chemical_systems, k_folds
from common.errors import UserError
from esnet.baselines import DNN, KRR, SVR, RandomForest, XGBoost

SMALL = {
    KRR: {"kernel": ["rbf"], "alpha": [0.03], "gamma": [0.003, 0.01]},
    SVR: {"C": [10], "gamma": [0.003], "epsilon": [0.01]},
    RandomForest: {"max_features": [0.33], "min_samples_leaf": [1]},
    XGBoost: {"max_depth": [3], "learning_rate": [0.1], "n_estimators": [60]},
    DNN: {"hidden_layer_sizes": [(16, 8)], "alpha": [0.1]},
}


@pytest.fixture(scope="module")
def table(mini):
    return mini.take(np.arange(0, 336, 3))


@pytest.mark.parametrize("kind", SMALL)
def test_they_learn(kind, table):
    split = by_fractions(table)
    errors = {}
    for model in (Median(), kind(**SMALL[kind])):
        model.fit(table, "formation_energy", split)
        predicted = model.predict(table.select(split.test))
        assert predicted.ids.tolist() == list(split.test) and predicted.unit == "eV/atom" and not model.left_out
        errors[model.name] = predicted.metrics()["MAE"]
    assert errors[kind.name] < 0.8 * errors["dummy"]


def test_settings_have_the_grid_before_and_the_choice_after(table):
    model = KRR(**SMALL[KRR])
    assert model.settings()["hyperparameters"] == SMALL[KRR] and "chosen" not in model.settings()
    model.fit(table, "formation_energy", by_fractions(table))
    chosen = model.settings()["chosen"]
    assert chosen["gamma"] in (0.003, 0.01) and chosen["alpha"] == 0.03
    assert KRR().settings()["hyperparameters"] == KRR.grid


def test_the_test_set_has_no_influence(table):
    """Neither the search nor the scaling uses the test set."""
    split = by_fractions(table)
    values = table.target("formation_energy").values.copy()
    values[table.rows_of(split.test)] = 1e6
    few = table.select(split.train[:5])
    models = [
        KRR(**SMALL[KRR]).fit(t, "formation_energy", split)
        for t in (table, table.with_target("formation_energy", values, "eV/atom"))
    ]
    assert np.array_equal(models[0].predict(few).prediction, models[1].predict(few).prediction)


def test_inner_folds_are_grouped_where_the_split_is(table, monkeypatch):
    import sklearn.model_selection as selection

    seen = []
    real = selection.GridSearchCV

    class Watched(real):
        def fit(self, x, y, groups=None):
            seen.append((type(self.cv).__name__, groups))
            return super().fit(x, y, groups=groups)

    monkeypatch.setattr(selection, "GridSearchCV", Watched)
    grouped = k_folds(table, 5, 0.1, grouped="elements")[0]
    KRR(**SMALL[KRR]).fit(table, "formation_energy", grouped)
    rest = chemical_systems(table.select((*grouped.train, *grouped.validation)))
    assert seen[0][0] == "GroupKFold" and seen[0][1].tolist() == rest
    shared = Split(tuple(table.ids[:60].tolist()), (), tuple(table.ids[60:].tolist()))
    KRR(**SMALL[KRR]).fit(table, "formation_energy", shared)
    apart = not set(chemical_systems(table)[:60]) & set(chemical_systems(table)[60:])
    assert seen[1][0] == ("GroupKFold" if apart else "KFold")


def test_too_little_to_search_on(table):
    ids = table.ids.tolist()
    with pytest.raises(UserError, match="fewer than two usable materials"):
        SVR().fit(table, "formation_energy", Split((ids[0],), (), (ids[1],)))
