"""Saved models come back with the same output, or say in one line why they do not."""

import hashlib
import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest

from common.data.materials import MaterialsDataset
from common.data.splits import Split, by_fractions
from common.errors import UserError
from common.train import devices
from common.train.saved_model import read_card
from profitnet.regressor import OFMCNN, PROFiTNet

RECIPE = {"epochs": 2, "batch": 16, "checkpoint_seconds": 1e9}


@pytest.fixture(scope="module")
def table(mini):
    return mini.take(np.arange(0, 336, 8))


@pytest.fixture(scope="module")
def fitted(table):
    return OFMCNN("paper", seed=3, **RECIPE).fit(table, "formation_energy", by_fractions(table))


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory):
    """Never written to: tests that damage it take a copy."""
    return fitted.save(tmp_path_factory.mktemp("models") / "deep" / "ofmcnn")


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def with_element_100(table) -> MaterialsDataset:
    """The table with fermium, which has no atom vector, in rows 1 and 4."""
    crystals = list(table.structures())
    for row in (1, 4):
        crystals[row] = crystals[row]._replace(numbers=np.full_like(crystals[row].numbers, 100))
    return MaterialsDataset.from_structures(table.ids, crystals, table.targets)


def test_ofmcnn_comes_back_with_the_same_output(fitted, saved, table):
    loaded = OFMCNN.load(saved)
    assert sorted(path.name for path in saved.iterdir()) == ["model.json", "model.weights.h5", "split.json"]
    assert (saved / "model.weights.h5").stat().st_size < 4.2 * fitted.model.count_params()  # and no optimizer's state
    one, other = fitted.predict(table, bar=False), loaded.predict(table, bar=False)
    assert np.array_equal(one.prediction, other.prediction) and np.ptp(one.prediction) > 0
    assert np.array_equal(one.target, table.target("formation_energy").values)
    assert other.unit == "eV/atom" and other.ids.tolist() == table.ids.tolist()
    assert (loaded.target, loaded.variant, loaded.seed) == ("formation_energy", "paper", 3)
    assert loaded.settings() == fitted.settings() and loaded.recipe.epochs == 2


def test_a_folder_with_another_training_is_not_overwritten(fitted, table, tmp_path):
    (tmp_path / "training.json").write_text(json.dumps({**fitted.settings(), "seed": 77}))
    with pytest.raises(UserError, match="another training"):
        fitted.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["training.json"]
    (tmp_path / "training.json").write_text(json.dumps(fitted.settings()))
    assert Split.load(fitted.save(tmp_path) / "split.json") == by_fractions(table)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_trains_and_comes_back_with_the_same_output(precision, table, tmp_path):
    model = OFMCNN(precision=precision, **RECIPE).fit(table, "formation_energy", by_fractions(table))
    assert {layer.compute_dtype for layer in model.model.layers if layer.name.startswith("conv")} == {precision}
    loaded = OFMCNN.load(model.save(tmp_path))
    assert loaded.settings() == model.settings() and model.settings()["recipe"]["precision"] == precision
    one, other = model.predict(table, bar=False), loaded.predict(table, bar=False)
    assert np.array_equal(one.prediction, other.prediction) and np.ptp(one.prediction) > 0


def test_a_loaded_model_can_be_saved_again(saved, table, tmp_path):
    again = OFMCNN.load(saved).save(tmp_path / "again")
    one, other = read_card(again), read_card(saved)
    assert {**one, "weights": "", "digest": ""} == {
        **other,
        "weights": "",
        "digest": "",
    }  # HDF5 notes the time, so the bytes differ
    assert np.array_equal(
        OFMCNN.load(again).predict(table, bar=False).prediction, OFMCNN.load(saved).predict(table, bar=False).prediction
    )


def test_profitnet_comes_back_with_the_same_output(table, tmp_path):
    """Untrained: its fourteen million weights are as good for this as they come."""
    model = PROFiTNet("released", seed=1)
    devices.setup(1)
    model.model, model.target, model.unit = model.build(), "band_gap", "eV"
    few = table.take(np.arange(6))
    wanted = model.predict(few, bar=False).prediction
    model.save(tmp_path / "m")
    devices.setup(2)
    loaded = PROFiTNet.load(tmp_path / "m")
    assert np.array_equal(loaded.predict(few, bar=False).prediction, wanted) and np.ptp(wanted) > 0
    assert loaded.config == model.config and loaded.config.polarizability == "next"
    fresh = PROFiTNet("released", seed=2)
    devices.setup(2)
    fresh.model, fresh.target = fresh.build(), "band_gap"
    assert not np.allclose(fresh.predict(few, bar=False).prediction, wanted)


def test_a_table_without_the_target_is_predicted_without_an_error(fitted, table):
    bare = MaterialsDataset.from_structures(table.ids, table.structures())
    predictions = fitted.predict(bare, bar=False)
    assert predictions.target is None and len(predictions) == len(table)


def test_bad_rows_are_listed_or_with_strict_stop_the_run(fitted, table):
    mixed = with_element_100(table)
    predictions = fitted.predict(mixed, bar=False)
    bad = [mixed.ids[1], mixed.ids[4]]
    assert list(fitted.left_out) == bad and all("100" in reason for reason in fitted.left_out.values())
    good = [name for name in table.ids.tolist() if name not in bad]
    assert predictions.ids.tolist() == good
    assert np.allclose(predictions.prediction, fitted.predict(table.select(good), bar=False).prediction, atol=1e-5)
    assert np.array_equal(predictions.target, table.select(good).target("formation_energy").values)
    with pytest.raises(UserError, match=rf"{bad[0]}: .*100"):
        fitted.predict(mixed, strict=True)


def test_a_table_of_bad_rows_alone_gives_no_predictions(fitted, table):
    bad = with_element_100(table).take([1, 4])
    predictions = fitted.predict(bad, bar=False)
    assert len(predictions) == 0 and set(fitted.left_out) == set(bad.ids.tolist())
    assert len(fitted.predict(table.take([]), bar=False)) == 0


@pytest.mark.slow
def test_training_leaves_bad_and_unknown_rows_out(table):
    mixed = with_element_100(table)
    values = table.target("band_gap").values.copy()
    values[[2, 9]] = np.nan
    ids = table.ids.tolist()
    model = OFMCNN(**RECIPE | {"epochs": 1})
    model.fit(mixed.with_target("gap", values, "eV"), "gap", Split(tuple(ids[:30]), tuple(ids[30:36]), tuple(ids[36:])))
    assert set(model.left_out) == {ids[1], ids[4]} and len(model.state.history) == 1


@pytest.mark.parametrize(
    ("split", "target", "message"),
    [
        (lambda ids: Split((), tuple(ids[:2]), tuple(ids[2:])), "gap", "no training materials"),
        (lambda ids: Split((ids[0], ids[5]), (), (ids[0],)), "gap", "is in train and in test"),
        (lambda ids: Split(("nowhere",), (), ()), "gap", "no material with id nowhere"),
        (lambda ids: Split((ids[0],), (), ()), "mass", "no target 'mass'"),
        (lambda ids: Split((ids[2],), (), ()), "gap", "no training material"),
        (lambda ids: Split((ids[1], ids[4]), (ids[0],), ()), "gap", "material is left; .* atomic number 100"),
    ],
)
def test_what_cannot_be_trained_on_is_named(table, split, target, message):
    values = table.target("band_gap").values.copy()
    values[2] = np.nan
    mixed = with_element_100(table).with_target("gap", values, "eV")
    with pytest.raises(UserError, match=message):
        OFMCNN(**RECIPE).fit(mixed, target, split(table.ids.tolist()))


def test_variants_and_the_untrained(table):
    with pytest.raises(UserError, match="variant 'new' is unknown; choose one of released, paper, corrected"):
        OFMCNN("new")
    model = OFMCNN()
    assert model.settings()["config"] == asdict(model.config)
    with pytest.raises(UserError, match="not trained yet"):
        model.predict(table)
    with pytest.raises(UserError, match="not trained yet"):
        model.save("nowhere")


# --- folders that hold something else ----------------------------------------------------------------


def card_with(folder, **changes) -> None:
    card = json.loads((folder / "model.json").read_text()) | changes | {"digest": None}
    (folder / "model.json").write_text(json.dumps({k: v for k, v in card.items() if v is not None}))


def refusal(folder, model=OFMCNN) -> str:
    with pytest.raises(UserError) as caught:
        model.load(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)
    return str(caught.value)


def test_a_model_of_another_format(copy):
    card_with(copy, format=99)
    assert "has format 99, this version reads 1; train the model again" in refusal(copy)
    card_with(copy, format=None)
    assert "has format None" in refusal(copy)


def test_a_model_of_another_kind(saved):
    assert "holds a ofmcnn model, not profitnet" in refusal(saved, PROFiTNet)


def test_missing_files(copy, tmp_path):
    assert "holds no saved model" in refusal(tmp_path / "none")
    (copy / "model.weights.h5").unlink()
    assert "model.weights.h5 cannot be read (No such file or directory)" in refusal(copy)
    (copy / "model.json").unlink()
    assert "holds no saved model (model.json is missing)" in refusal(copy)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00", "null", '{"format": 1, "model": "ofmcnn"}'])
def test_a_damaged_card(copy, text):
    (copy / "model.json").write_text(text)
    refusal(copy)


@pytest.mark.parametrize("field", ["variant", "seed", "config", "recipe", "target", "unit", "weights"])
def test_a_card_that_lacks_a_field(copy, field):
    card_with(copy, **{field: None})
    assert "model.json is damaged" in refusal(copy)


def test_a_card_with_choices_this_version_does_not_know(copy):
    card_with(copy, config={"matrix": "ofm", "colour": "red"})
    assert "model.json is damaged" in refusal(copy)
    card_with(copy, variant="new")
    with pytest.raises(UserError, match="variant 'new' is unknown"):
        OFMCNN.load(copy)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights(copy, share):
    data = (copy / "model.weights.h5").read_bytes()
    (copy / "model.weights.h5").write_bytes(data[: int(share * len(data))])
    assert "model.weights.h5 is damaged or not that of its model.json" in refusal(copy)


def test_weights_with_one_bit_changed(copy):
    """HDF5 would read them without a word."""
    data = bytearray((copy / "model.weights.h5").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "model.weights.h5").write_bytes(data)
    assert "is damaged" in refusal(copy)


def test_weights_of_another_run(fitted, copy, table, tmp_path):
    """As after a `save` that was killed between its two files."""
    devices.setup(9)
    other = OFMCNN("paper", seed=9)
    other.model = other.build()
    other.save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.weights.h5", copy)
    assert "not that of its model.json" in refusal(copy)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize("kind", ["network", "foreign", "text"])
def test_weights_of_another_network(copy, kind):
    """Their digest is put into the card, so that it is the reader that has to notice."""
    import h5py
    from keras import Input, Sequential, layers

    path = copy / "model.weights.h5"
    if kind == "network":
        Sequential([Input((4,)), layers.Dense(2), layers.Dense(1)]).save_weights(path)
    elif kind == "foreign":
        with h5py.File(path, "w") as file:
            file["x"] = 1
    else:
        path.write_text("not HDF5 at all")
    card_with(copy, weights=hashlib.sha256(path.read_bytes()).hexdigest()[:16])
    assert "model.weights.h5 cannot be read (" in refusal(copy)


@pytest.mark.parametrize("size", [0, 100_000, 4_000_000])
def test_a_full_disk_leaves_the_old_model(fitted, copy, disk_of, size):
    old = {path.name: path.read_bytes() for path in copy.iterdir()}
    with disk_of(size), pytest.raises(UserError, match=r"cannot write .*model\.weights\.h5: File too large; free some"):
        fitted.save(copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == old


def test_a_model_cannot_be_saved_where_a_file_stands(fitted, tmp_path):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(UserError, match="cannot write"):
        fitted.save(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "x"
