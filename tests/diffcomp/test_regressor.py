"""The model learns from both inputs, comes back from disk, and takes measured materials."""

import shutil

import numpy as np
import pytest

from common.chem.elements import NUMBERS
from common.data.materials import MaterialsDataset, Target
from common.data.splits import by_fractions
from common.errors import UserError
from diffcomp.composition.element_table import element_space, learned_elements
from diffcomp.diffraction.images import image
from diffcomp.features import packed, picture_row, unpacked
from diffcomp.forest import RandomForestVectors
from diffcomp.regressor import DiffComp

RECIPE = {"epochs": 2, "batch": 16}


@pytest.fixture(scope="module")
def table(mini):
    return mini.take(np.arange(0, 336, 8))


@pytest.fixture(scope="module")
def fitted(table):
    return DiffComp(seed=1, **RECIPE).fit(table, "formation_energy", by_fractions(table))


@pytest.mark.slow
def test_it_learns_from_the_composition(mini):
    split = by_fractions(mini)
    model = DiffComp(cv_nodes=10, epochs=60, learning_rate=1e-3).fit(mini, "formation_energy", split)
    assert model.predict(mini.select(split.test), bar=False).metrics()["MAD:MAE"] > 1.5


def test_it_comes_back_with_the_same_output(fitted, table, tmp_path):
    expected = fitted.predict(table, bar=False)
    loaded = DiffComp.load(fitted.save(tmp_path / "model"))
    found = loaded.predict(table, bar=False)
    assert np.allclose(found.prediction, expected.prediction, atol=1e-6) and np.ptp(found.prediction) > 1e-3
    assert loaded.settings() == fitted.settings() and loaded.config.cv_nodes == 9


def test_a_measured_material_equals_its_simulation(fitted, table):
    """The picture of a structure, handed over as if it were measured."""
    row = 3
    expected = fitted.predict(table.take(np.array([row])), bar=False).prediction[0]
    numbers, counts = np.unique(table.structure(row).numbers, return_counts=True)
    amounts = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    found = fitted.predict_measured(amounts, image(table.structure(row)), name="x")
    assert found.prediction[0] == pytest.approx(expected, abs=1e-5) and found.unit == "eV/atom"
    with pytest.raises(UserError, match="needs a diffraction pattern"):
        fitted.predict_measured(amounts, None, name="x")
    with pytest.raises(UserError, match="needs a composition"):
        fitted.predict_measured(None, image(table.structure(row)), name="x")


def test_choices_are_checked_before_anything_is_computed():
    for wrong, reason in (({"picture": "blue"}, "picture 'blue' is unknown"), ({"cv_nodes": 11}, "choose 0 to 10")):
        with pytest.raises(UserError, match=reason):
            DiffComp(**wrong)


def test_the_ends_of_the_ratio_need_one_input_alone(mini):
    formulas = MaterialsDataset(["a", "b", "c"], ["NaCl", "TiO2", "MgO"], targets={"gap": Target(np.arange(3.0), "eV")})
    made = DiffComp(cv_nodes=10).features(formulas)
    assert set(made.features.batch(made.rows)) == {"composition"} and not made.errors
    found = DiffComp(cv_nodes=0).features(mini.take(np.arange(3)))
    assert set(found.features.batch(found.rows)) == {"pattern"}
    with pytest.raises(UserError, match="has formulas only"):
        DiffComp(cv_nodes=5).features(formulas)


def test_inputs_run_from_zero_to_a_half(table):
    batch = DiffComp().features(table).features.batch(np.arange(5))
    assert batch["pattern"].shape == (5, 128, 128, 3) and batch["composition"].shape == (5, 60, 1)
    assert batch["pattern"].min() == 0 and 0.3 < batch["pattern"].max() <= 0.5
    assert batch["composition"].min() >= 0 and batch["composition"].max() <= 1


def test_bad_materials_are_named_and_the_rest_goes_on(table):
    crystals = [table.structure(row) for row in range(3)]
    crystals.append((np.array([100, 8]), np.eye(3) * 4, np.array([[0, 0, 0], [0.5, 0.5, 0.5]])))
    crystals.append((np.array([8, 22, 38]), np.eye(3) * 4, np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0]])))
    mixed = MaterialsDataset.from_structures(list("abcde"), crystals)
    made = DiffComp().features(mixed)
    assert (
        made.rows.tolist() == [0, 1, 2]
        and "Fm has no vector" in made.errors["d"]
        and "3 elements; this model" in made.errors["e"]
    )
    pattern_alone = DiffComp(cv_nodes=0).features(mixed)
    assert pattern_alone.rows.tolist() == [0, 1, 2, 4] and "Fm has no scattering factor" in pattern_alone.errors["d"]


def test_pictures_are_kept_small_and_whole(table):
    picture = image(table.structure(0))
    png = packed(picture)
    assert np.array_equal(unpacked(png), picture) and len(png) < picture.size / 5
    assert np.array_equal(unpacked(picture_row(table.structure(0), variant="corrected")["png"]), picture)


def test_vectors_learned_for_the_model_go_with_it(mini, tmp_path, monkeypatch):
    """A saved model brings its element vectors, so that it predicts the same where nothing has been learned."""
    monkeypatch.setenv("MATREPRO_CACHE", str(tmp_path / "cache"))
    learned_elements.cache_clear()
    table = mini.take(np.arange(0, 336, 8))
    model = DiffComp(cv_nodes=10, epochs=2, corpus="mini", corpus_epochs=2, vector_length=5)
    model.fit(table, "formation_energy", by_fractions(table))
    expected = model.predict(table, bar=False).prediction
    assert model.model.get_layer("composition").output.shape == (None, 10, 1)
    model.save(tmp_path / "model")
    shutil.rmtree(tmp_path / "cache")
    learned_elements.cache_clear()
    loaded = DiffComp.load(tmp_path / "model")
    assert np.allclose(loaded.predict(table, bar=False).prediction, expected, atol=1e-6)
    path = tmp_path / "model" / "elements.csv"
    over = tuple(NUMBERS[symbol] for symbol in loaded.elements)
    assert np.array_equal(loaded.space().vectors, element_space(path, over=over).vectors)
    assert not (tmp_path / "cache" / "element-vectors").exists()
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again" / "elements.csv").read_text() == (tmp_path / "model" / "elements.csv").read_text()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"order": "anion first"}, "order 'anion first' is unknown"),
        ({"vector_length": 10}, "name a corpus to learn others from"),
        ({"corpus": "mini"}, "corpus and corpus_epochs go together"),
    ],
)
def test_choices_that_contradict_each_other(changes, reason):
    with pytest.raises(UserError, match=reason):
        DiffComp(**changes)


def test_choices_that_came_later_do_not_change_the_settings():
    before = {"scaled_over": "table", "orientation": "as given"}
    assert set(DiffComp(**before).settings()["config"]) == {"cv_nodes", "elements", "scaled", "picture"}
    assert DiffComp(elements=4, order="as written").settings()["config"]["order"] == "as written"


def test_the_order_of_the_elements():
    model = DiffComp(cv_nodes=10, elements=4, order="as written")
    one, other = model.vector("CsLiAl2F6"), model.vector("LiCsAl2F6")
    assert not np.array_equal(one, other) and np.array_equal(one[:30], other[30:60])
    assert np.array_equal(one[90:], model.space().vector(9) * 0.6)
    metal_first = DiffComp(cv_nodes=10, elements=4)
    assert np.array_equal(metal_first.vector("CsLiAl2F6"), metal_first.vector("LiCsAl2F6"))


def test_a_forest_on_composition_vectors(mini):
    split = by_fractions(mini)
    forest = RandomForestVectors(n_estimators=20).fit(mini, "formation_energy", split)
    assert forest.predict(mini.select(split.test)).metrics()["MAD:MAE"] > 1.5
    settings = forest.settings()
    assert settings["config"]["elements"] == 2 and len(settings["element_vectors"]) == 16
    assert RandomForestVectors(elements=4).settings() != RandomForestVectors().settings()
    odd = MaterialsDataset(["a", "b"], ["NaCl", "Fm2O"], targets={"formation_energy": Target(np.zeros(2), "eV/atom")})
    assert forest.predict(odd).ids.tolist() == ["a"] and "Fm has no vector" in forest.left_out["b"]


def test_variants():
    assert DiffComp("released").config.picture == "released" and not DiffComp("paper").config.scaled
    assert DiffComp(cv_nodes=3).config.cv_nodes == 3
    with pytest.raises(UserError, match="no such setting"):
        DiffComp(nodes=3)


@pytest.mark.parametrize(
    "options, compiled",
    [({"cv_nodes": 9}, True), ({"cv_nodes": 10}, False), ({"cv_nodes": 9, "precision": "bfloat16"}, False)],
)
def test_xla_compiles_pictures_in_single_precision_alone(options, compiled):
    assert DiffComp(**options).recipe.xla is compiled
    assert DiffComp(**options, xla=True).recipe.xla is True
