"""The classical rows: the median, and forests that learn something from the formula alone."""

import numpy as np
import pytest

from common.baselines.classical import LAST_ELEMENT, Median, RandomForestMagpie, XGBoostMagpie, magpie_row
from common.chem.elements import SYMBOLS
from common.data.materials import MaterialsDataset, Target
from common.data.splits import Split, by_formula
from common.errors import UserError


@pytest.fixture(scope="module")
def split(mini):
    return by_formula(mini, (6, 2, 2), seed=0)


def formulas(names, values) -> MaterialsDataset:
    ids = [f"m{i}" for i in range(len(names))]
    return MaterialsDataset(ids, names, targets={"energy": Target(np.array(values, dtype=float), "eV")})


def test_median_is_the_median_of_the_training_part(mini, split):
    model = Median().fit(mini, "formation_energy", split)
    predictions = model.predict(mini.select(split.test))
    wanted = np.median(mini.select(split.train).target("formation_energy").values)
    assert (predictions.prediction == wanted).all() and len(predictions) == len(split.test)
    assert predictions.unit == "eV/atom" and predictions.ids.tolist() == list(split.test)
    assert model.left_out == {} and np.isnan(predictions.metrics()["Pearson"])


def test_median_knows_only_known_values():
    table = formulas(["Si"] * 5, [1, np.nan, 7, 3, 100])
    model = Median().fit(table, "energy", Split(("m0", "m1", "m2", "m3"), (), ("m4",)))
    assert model.predict(table).prediction.tolist() == [3.0] * 5


def test_forests_beat_the_dummy_on_formation_energies(mini, split, tmp_path):
    errors = {}
    for model in (Median(), RandomForestMagpie(seed=1), XGBoostMagpie(seed=1)):
        model.fit(mini, "formation_energy", split, folder=tmp_path, jobs=1)
        predictions = model.predict(mini.select(split.test), jobs=1)
        assert predictions.ids.tolist() == list(split.test) and model.left_out == {}
        assert np.array_equal(predictions.target, mini.select(split.test).target("formation_energy").values)
        errors[model.name] = predictions.metrics()["MAE"]
    assert errors["rf-magpie"] < 0.6 * errors["dummy"] and errors["xgb-magpie"] < 0.6 * errors["dummy"]


@pytest.mark.parametrize("kind", [RandomForestMagpie, XGBoostMagpie])
def test_one_seed_gives_one_result_and_polymorphs_get_one_answer(mini, kind):
    few = mini.take(np.arange(80))
    ids = few.ids.tolist()
    split = Split(tuple(ids[:60]), (), tuple(ids[60:]))
    runs = [kind(seed=seed, n_estimators=20).fit(few, "band_gap", split).predict(few) for seed in (0, 0, 1)]
    assert np.array_equal(runs[0].prediction, runs[1].prediction)
    assert not np.array_equal(runs[0].prediction, runs[2].prediction)
    for formula in np.unique(few.formulas):
        assert np.ptp(runs[0].prediction[few.formulas == formula]) == 0


def test_xgboost_chooses_its_size_on_the_validation_part():
    """The validation targets are noise, so the very first trees are the best."""
    names = ["NaCl", "MgO", "Si", "GaAs", "TiO2", "Fe2O3", "CdTe", "ZnS", "KBr", "LiF", "CaO", "AlN"]
    table = formulas(names, [*np.linspace(0, 8, 9), 50, -50, 0])
    ids = table.ids.tolist()
    model = XGBoostMagpie(n_estimators=300).fit(table, "energy", Split(tuple(ids[:9]), tuple(ids[9:]), ()))
    assert model.trees.best_iteration < 150
    free = XGBoostMagpie(n_estimators=300).fit(table, "energy", Split(tuple(ids[:9]), (), tuple(ids[9:])))
    assert free.trees.get_booster().num_boosted_rounds() == 300


def test_magpie_by_hand():
    """Of each of 22 properties minimum, maximum, range, mean, mean deviation and mode; first the atomic number."""
    values = magpie_row("Fe2O3")["magpie"]
    assert values.shape == (132,) and np.isfinite(values).all()
    assert values[:6] == pytest.approx([8, 26, 18, 15.2, 8.64, 8])
    assert np.array_equal(values, magpie_row("O6Fe4")["magpie"])


def test_what_magpie_does_not_know_is_left_out():
    table = formulas(["NaCl", "OgF2", "Si", "salt", "XO2", "MgO"], [1, 2, 3, 4, 5, 6])
    for kind in (RandomForestMagpie, XGBoostMagpie):
        model = kind(n_estimators=5).fit(table, "energy", Split(("m0", "m1", "m2"), ("m4", "m5"), ()))
        assert set(model.left_out) == {"m1", "m4"}  # those of both parts
        predictions = model.predict(table)
        assert predictions.ids.tolist() == ["m0", "m2", "m5"] and predictions.target.tolist() == [1, 3, 6]
        assert model.left_out == {
            "m1": "OgF2: Magpie has no properties for Og",
            "m3": "'salt' is not a chemical formula; write it like TiO2",
            "m4": "XO2: Magpie has no properties for X",
        }
        nothing = model.predict(table.select(["m1", "m3"]))
        assert len(nothing) == 0 and set(model.left_out) == {"m1", "m3"}


def test_magpie_knows_every_element_up_to_its_last():
    for number in range(1, LAST_ELEMENT + 1):
        assert np.isfinite(magpie_row(SYMBOLS[number])["magpie"]).all()
    for number in range(LAST_ELEMENT + 1, 119):
        with pytest.raises(UserError, match=f"no properties for {SYMBOLS[number]}$"):
            magpie_row(SYMBOLS[number])


def test_what_cannot_be_trained_on_is_named(mini):
    table = formulas(["Si", "Ge", "Og"], [1, np.nan, 2])
    for split in (Split(("m1",), (), ("m0",)), Split(("m2",), ("m0",), ())):
        with pytest.raises(UserError, match="no training material"):
            RandomForestMagpie().fit(table, "energy", split)
    with pytest.raises(UserError, match="has no training materials"):
        Median().fit(table, "energy", Split((), (), ("m0",)))
    with pytest.raises(UserError, match="no target 'gap'"):
        Median().fit(table, "gap", Split(("m0",), (), ()))


def test_settings_hold_what_the_result_depends_on():
    assert Median(seed=3).settings() == {"model": "dummy", "hyperparameters": {}, "seed": 3}
    settings = RandomForestMagpie(n_estimators=7).settings()
    assert settings == {"model": "rf-magpie", "hyperparameters": {"n_estimators": 7}, "seed": 0}
    assert RandomForestMagpie.hyperparameters == {"n_estimators": 100}
