"""Inputs of the network: resampled without losing states, scaled by the training rows alone, read batch by batch."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data.densities import DensitiesInMemory
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.cache import featurize
from common.features.ragged import ShardedRagged
from esnet.dos.projected import ProjectedDOS, as_densities, from_densities
from esnet.dos.resampling import AXIS, FORMS, Form, covered, resampled
from esnet.features import Inputs, composition, input_row, moment_row
from esnet.regressor import ESNet


def made(energies, densities=None, *, reference="absolute", per="cell", numbers=(8, 22)) -> ProjectedDOS:
    shape = (2, 9, len(energies))
    densities = np.random.default_rng(0).random(shape) if densities is None else np.broadcast_to(densities, shape)
    symbols = {8: "O", 22: "Ti", 112: "Cn", 103: "Lr"}
    elements = tuple(sorted({symbols[z] for z in numbers}))
    return ProjectedDOS(energies, densities, 1.0, 0.5, reference, True, "VASP", len(numbers), elements, per=per)


@pytest.fixture(scope="module")
def table(mini):
    return mini.take(np.arange(0, 336, 24))


# --- the axis ------------------------------------------------------------------------------------


@given(st.integers(0, 20), st.floats(-1, 1))
def test_no_states_are_lost_on_a_dense_grid(seed, shift):
    """The integral within the axis is that of the source to 0.1 %, however the two grids lie."""
    energies = np.linspace(-40, 40, 8001) + shift
    random = np.random.default_rng(seed)
    centres, heights = random.uniform(-18, 8, 6), random.uniform(0.1, 5, 6)
    curve = sum(h * np.exp(-0.5 * ((energies - c) / 0.2) ** 2) for c, h in zip(centres, heights, strict=True))
    dos = made(energies, curve)
    inside = (energies >= -20) & (energies <= 10)
    wanted = np.trapezoid(curve[inside], energies[inside])
    for form in ("released", "paper"):
        values = resampled(dos, form) * dos.counts()[FORMS[form].per]
        assert np.allclose(np.trapezoid(values[0], AXIS), wanted, rtol=1e-3)


@given(st.integers(50, 3000), st.floats(-30, 5), st.floats(8, 60))
def test_all_channels_at_once_is_numpys_interpolation(n, low, width):
    dos = made(np.linspace(low, low + width, n))
    values = resampled(dos, Form("absolute", "zero", "cell"))
    wanted = [[np.interp(AXIS, dos.energies, row, left=0, right=0) for row in spin] for spin in dos.densities]
    assert np.allclose(values, wanted, atol=1e-6)


def test_what_densities_are_per_does_not_matter():
    energies = np.linspace(-25, 15, 500)
    cell = made(energies, numbers=(8, 8, 22, 22, 22, 22))
    for form in FORMS.values():
        site = replace(cell, densities=cell.densities / 6, per="site")
        element = replace(cell, densities=cell.densities / 2, per="element")
        for other in (site, element):
            assert np.allclose(resampled(other, form), resampled(cell, form), rtol=1e-6)
    with pytest.raises(UserError, match="per 'atom' are unknown"):
        replace(cell, per="atom")


def test_spins_of_a_material_without_magnetism_differ_in_their_sign_alone(table):
    """Swapping the inputs of the two branches changes nothing but what the sign convention says."""
    for form, sign in (("released", -1), ("corrected", 1)):
        aligned = form == "corrected"
        values = resampled(from_densities(table.dos(0, aligned=aligned)), form)
        assert values[0].any() and np.array_equal(values[1], sign * values[0])


def test_narrow_and_empty_windows():
    assert covered(made(np.linspace(-30, 30, 900))) == (-20, 10)
    assert covered(made(np.linspace(-8, 12, 900))) == (-9, 10)  # from the Fermi level at 1 eV
    with pytest.raises(UserError, match=r"covers -1\.0 to 5\.0 eV from the Fermi level, less than 10 eV of the axis"):
        covered(made(np.linspace(0, 6, 900)))
    with pytest.raises(UserError, match="has no states between -20"):
        covered(made(np.linspace(-30, 30, 900), 0.0))
    far = np.zeros(900)
    far[-1] = 1.0
    with pytest.raises(UserError, match="has no states"):
        covered(made(np.linspace(-30, 30, 900), far))


# --- rows ----------------------------------------------------------------------------------------


def test_densities_travel_without_loss(mini):
    dos = from_densities(mini.dos(7))
    again = from_densities(as_densities(dos, mini.structure(7).numbers))
    assert np.array_equal(again.densities, dos.densities) and again == replace(dos, densities=again.densities)
    with pytest.raises(UserError, match="lack the Fermi level"):
        as_densities(dos.referred_to("valence band"), np.array([1]))


def test_a_row_is_the_resampled_form_in_half_precision(table):
    row = input_row(table.dos(0), form=FORMS["corrected"])
    wanted = resampled(from_densities(table.dos(0)))
    assert row["values"].dtype == np.float16 and np.allclose(
        row["values"].reshape(2, 9, -1), wanted, rtol=1e-3, atol=1e-6
    )
    assert row["facts"].tolist() == [-20, 10, 0] and bytes(row["engine"]) == b"GPAW"
    dense = as_densities(made(np.linspace(-30, 30, 3000), 1e6), np.array([8, 22]))
    with pytest.raises(UserError, match="above 60000 states/eV"):
        input_row(dense, form=FORMS["corrected"])


def test_relative_energies_cannot_be_absolute_unless_told(table):
    aligned = table.dos(0)
    with pytest.raises(UserError, match="takes absolute energies and these are relative to the fermi"):
        input_row(aligned, form=FORMS["released"])
    assert input_row(aligned, form=FORMS["released"], any_zero=True)["values"].any()


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("per", ["cell", "site", "element"])
def test_accepting_any_zero_changes_no_input_that_is_accepted_anyway(name, per):
    densities = as_densities(made(np.linspace(-30, 30, 900)), np.array([8, 22, 22]))._replace(per=per)
    row, other = (input_row(densities, form=FORMS[name], any_zero=flag) for flag in (False, True))
    assert all(np.array_equal(row[field], other[field]) for field in row)


def test_the_composition_says_which_elements_are_there():
    vector = composition(np.array([8, 22, 8]), 111)
    assert vector.sum() == 2 and len(vector) == 111
    # In alphabetical order Ac, Ag, Al come first, Zn and Zr last.
    assert composition(np.array([89]), 111)[0] == composition(np.array([47]), 111)[1] == 1
    assert composition(np.array([40]), 111)[-1] == composition(np.array([40]), 110)[-1] == 1
    with pytest.raises(UserError, match="contains Cn; the composition vector ends at Rg"):
        composition(np.array([112]), 111)


def test_moments_of_a_material(mini):
    row = moment_row(mini.dos(mini.rows_of(["MgO-B1"])[0]))
    assert row["moments"].shape == (90,) and np.isfinite(row["moments"]).all()
    by_spin = row["moments"].reshape(2, 9, 5)
    assert np.array_equal(by_spin[0], by_spin[1])
    # An insulator: oxygen's p states are filled, and lie below the Fermi level.
    assert 0 < by_spin[0, 1, 0] < 1 and row["elements"].tolist() == [12, 8]


# --- many rows -----------------------------------------------------------------------------------


def test_scaling_is_that_of_the_training_rows(table):
    made = ESNet("released").features(table)
    train = np.arange(0, len(made.rows), 2)
    made.features.fit(train, scale_composition=True)
    values = made.features.densities(train)
    assert np.allclose(made.features.scaling.mean, values.mean(axis=(0, 3)).ravel(), rtol=1e-4, atol=1e-7)
    batch = made.features.batch(train)
    both = np.concatenate([batch["up"], batch["down"]], axis=2)
    there = values.std(axis=(0, 3)).ravel() > 0
    assert np.allclose(both.mean(axis=(0, 1)), 0, atol=1e-4)
    assert np.allclose(both.std(axis=(0, 1))[there], 1, atol=1e-3)
    # The release scales the composition as a channel of 1500 numbers.
    padded = np.pad(made.features.compositions[train], ((0, 0), (0, 1500 - 111)))
    assert made.features.scaling.composition == pytest.approx((padded.mean(), padded.std()), rel=1e-5)
    wanted = (made.features.compositions[train] - padded.mean()) / padded.std()
    assert np.allclose(batch["composition"], wanted, rtol=1e-4)
    other = made.features.batch(np.arange(1, len(made.rows), 2))
    assert abs(other["up"].mean()) > 1e-4  # the others keep what they differ by


def test_channels_that_are_empty_everywhere_stay_zero():
    dos = made(np.linspace(-30, 30, 900))
    dos = replace(dos, densities=dos.densities * (np.arange(9) < 3)[:, None])
    crystal = (np.array([8, 22]), np.eye(3) * 4, np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    items = [as_densities(dos, crystal[0])] * 2
    table = MaterialsDataset.from_structures(["a", "b"], [crystal] * 2, densities=DensitiesInMemory(items))
    features = ESNet().features(table).features
    features.fit(np.arange(2), scale_composition=False)
    batch = features.batch(np.arange(2))
    assert np.isfinite(batch["up"]).all() and not batch["up"][..., 3:].any() and batch["up"][..., :3].any()


def test_the_second_time_features_come_from_the_cache(table, monkeypatch):
    first = ESNet().features(table).features
    monkeypatch.setattr("esnet.regressor.input_row", moment_row)  # whose rows have no values
    made = ESNet().features(table.take([3, 1]))
    assert not made.errors and np.array_equal(made.features.densities(np.arange(2)), first.densities(np.array([3, 1])))


def test_densities_stay_on_disk(table):
    """A thousand rows would take 108 MB as the network's numbers, 54 MB as they lie in the cache."""
    rows = featurize(table, "rows", _row, of="densities", on_disk=True).features
    many = ShardedRagged(rows.parts, rows.where * 72)
    tracemalloc.start()
    try:
        features = Inputs(many, np.zeros((len(many), 111), np.float32))
        features.fit(np.arange(len(many)), scale_composition=False)
        assert len(features) > 1000 and len(features.batch(np.arange(32))["up"]) == 32
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60e6


def _row(found):
    return input_row(found, form=FORMS["corrected"])


def test_bad_materials_are_named_and_the_rest_goes_on(mini):
    good = mini.dos(0)
    narrow = good._replace(energies=np.linspace(-2, 2, len(good.energies)))
    nan = good._replace(values=np.full_like(good.values, np.nan))
    falling = good._replace(energies=good.energies[::-1])
    empty = good._replace(values=np.zeros_like(good.values))
    heavy = good._replace(numbers=np.array([112]))
    p_only = good._replace(channels=("p up", *good.channels[1:]))
    items = [good, narrow, nan, falling, empty, heavy, p_only]
    ids = ["good", "narrow", "nan", "falling", "empty", "heavy", "p_only"]
    table = MaterialsDataset.from_structures(ids, [mini.structure(0)] * 7, densities=DensitiesInMemory(items))
    made = ESNet().features(table)
    assert made.rows.tolist() == [0] and len(made.features) == 1
    for name, words in {
        "narrow": "less than 10 eV of the axis",
        "nan": "values that are not finite",
        "falling": "are not increasing",
        "empty": "no states",
        "heavy": "contains Cn",
        "p_only": "LORBIT = 11",
    }.items():
        assert words in made.errors[name] and "\n" not in made.errors[name]


def test_what_the_data_lack_is_said_once(mini):
    one = mini.dos(0)
    short = one._replace(energies=one.energies * 0.7)
    with_f = one._replace(values=np.concatenate([one.values, one.values[:1]]), channels=(*one.channels, "f_3 up"))
    table = MaterialsDataset.from_structures(
        ["a", "b"], [mini.structure(0)] * 2, densities=DensitiesInMemory([short, with_f])
    )
    with pytest.warns(UserWarning) as caught:
        ESNet().features(table)
    said = [str(warning.message) for warning in caught]
    assert any("1 of 2 densities of states end before the axis" in text and "-14.0 to 7.0 eV" in text for text in said)
    assert any(
        "1 of 2 densities of states have f orbitals, which are left out; the first is b" in text for text in said
    )
