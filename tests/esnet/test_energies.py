"""The energy of the unrelaxed cell as an input, as the origin of the target, and alone."""

import numpy as np
import pytest

from common.data.densities import DensitiesInMemory
from common.data.materials import MaterialsDataset
from common.data.splits import by_fractions
from common.errors import UserError
from esnet.baselines import KRR
from esnet.cnn import CNN, build_cnn
from esnet.config import ESNetConfig
from esnet.energies import LinearUnrelaxedEnergy, UnrelaxedEnergy, unrelaxed_energies
from esnet.model import build_esnet
from esnet.regressor import ESNet

SMALL = {"kernel": ["rbf"], "alpha": [0.03], "gamma": [0.003]}


@pytest.fixture(scope="module")
def table(mini):
    """Relaxed energies that are the unrelaxed ones times 0.8, less 0.1 eV/atom."""
    few = mini.take(np.arange(0, 336, 7))
    return few.with_target("relaxed", 0.8 * few.target("formation_energy").values - 0.1, "eV/atom")


def test_energies_are_those_of_the_calculation(mini):
    energies, reasons = unrelaxed_energies(mini)
    assert np.allclose(energies, mini.target("formation_energy").values, atol=1e-6) and not reasons


def test_unknown_energies_have_a_reason(mini):
    few = mini.take(np.arange(3)).with_target("total_energy", np.array([-5.0, np.nan, -5.0]), "eV/atom")
    energies, reasons = unrelaxed_energies(few)
    assert np.isfinite(energies).tolist() == [True, False, True]
    assert "has no unrelaxed energy" in reasons[few.ids[1]] and len(reasons) == 1
    other = MaterialsDataset(["a"], ["MnO"]).with_target("total_energy", np.array([-5.0]), "eV/atom")
    assert "without a reference energy" in unrelaxed_energies(other)[1]["a"]
    assert set(unrelaxed_energies(MaterialsDataset(["a"], ["MgO"]))[1]) == {"a"}


def test_the_energy_alone(table):
    split = by_fractions(table)
    as_is, line = (kind().fit(table, "relaxed", split) for kind in (UnrelaxedEnergy, LinearUnrelaxedEnergy))
    tested = table.select(split.test)
    assert np.allclose(as_is.predict(tested).prediction, tested.target("formation_energy").values, atol=1e-6)
    assert (line.slope, line.intercept) == pytest.approx((0.8, -0.1), abs=1e-6)
    assert line.predict(tested).metrics()["MAE"] < 1e-6


@pytest.mark.parametrize("energy", ["input", "delta"])
def test_moments_with_the_energy(table, energy):
    split = by_fractions(table)
    plain, other = (KRR(energy=use, **SMALL).fit(table, "formation_energy", split) for use in ("", energy))
    errors = [model.predict(table.select(split.test)).metrics()["MAE"] for model in (plain, other)]
    assert errors[1] < errors[0] and (energy == "input" or errors[1] < 1e-6)
    assert "energy" not in plain.settings() and other.settings()["energy"] == energy


def test_networks_have_one_more_input():
    for build in (build_esnet, build_cnn):
        plain, other = build(), build(ESNetConfig(energy="input"))
        assert set(other.input) - set(plain.input) == {"energy"}
        assert other.count_params() - plain.count_params() == 128
        assert build(ESNetConfig(energy="delta")).count_params() == plain.count_params()


@pytest.mark.parametrize("energy", ["input", "delta"])
def test_training_and_loading(table, energy, tmp_path):
    split = by_fractions(table)
    model = CNN(energy=energy, epochs=1, batch=16).fit(table, "formation_energy", split)
    tested = table.select(split.test)
    predicted = model.predict(tested, bar=False)
    if energy == "delta":  # the unrelaxed energy plus a small output of a hardly trained network
        assert np.abs(predicted.prediction - unrelaxed_energies(tested)[0]).max() < 1
    loaded = CNN.load(model.save(tmp_path / "model"))
    assert loaded.config.energy == energy
    assert np.allclose(loaded.predict(tested, bar=False).prediction, predicted.prediction, atol=1e-6)
    densities = DensitiesInMemory([tested.dos(row) for row in range(len(tested))])
    bare = MaterialsDataset.from_structures(tested.ids, tested.structures(), densities=densities)
    assert len(model.predict(bare, bar=False)) == 0 and "has no unrelaxed energy" in model.left_out[tested.ids[0]]


def test_settings_without_an_energy_are_stored_as_before():
    assert "energy" not in ESNet().settings()["config"]
    assert ESNet(energy="delta").settings()["config"]["energy"] == "delta"


def test_bad_input(table):
    for make in (ESNet, KRR):
        with pytest.raises(UserError, match="energy 'both' is unknown; choose one of '', 'input', 'delta'"):
            make(energy="both")
    with pytest.raises(UserError, match="energy 'delta' needs a target in eV/atom, not eV"):
        CNN(energy="delta").fit(table, "band_gap", by_fractions(table))
