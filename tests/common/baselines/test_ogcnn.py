"""OGCNN's orbital field adds up to that of PROFiT-Net's baseline; order and cell do not matter."""

import numpy as np

from common.baselines.ogcnn import OGCNN, OGCNNConfig, build_ogcnn, orbital_field
from common.chem.valence import valence_vectors
from common.data.splits import Split
from profitnet.features import BOHR_PER_ANGSTROM, ofm_matrix
from tests.common.baselines.conftest import (
    assert_comes_back,
    of_crystals,
    outputs,
    permuted,
    shaken,
    supercell,
    trainable,
)

SMALL = {"channels": 8, "hidden": 12, "layers": 2, "encoder": 10}
RECIPE = {"epochs": 2, "batch": 16}


def test_parameter_count():
    cgcnn = 80_833 - 93 * 64
    assert trainable(build_ogcnn()) == (92 + 1056 + 1) * 128 + 129 * 64 + cgcnn


def test_the_mean_of_the_fields_is_the_orbital_field_matrix_of_the_crystal(mini):
    """Two ways to one sum: site by site here, species by species there (rows are neighbours, lengths in Bohr)."""
    for row in (0, 60, 200, 300):
        crystal = mini.structure(row)
        own = valence_vectors()[crystal.numbers].astype(float)
        ours = np.einsum("ni,nj->ij", own, orbital_field(crystal)) / len(own)
        assert np.allclose(ours.T, ofm_matrix(crystal) * BOHR_PER_ANGSTROM, rtol=1e-6)


def test_the_network_sees_every_entry(table):
    features = OGCNN(**SMALL).features(table).features
    batch = features.batch(np.arange(3))
    network = shaken(build_ogcnn(OGCNNConfig(**SMALL)))
    kernel, bias = network.get_layer("encoder").get_weights()
    from keras import Model

    found = Model(network.inputs, network.get_layer("encoder").output).predict_on_batch(batch)
    own, field = batch["own"], batch["field"]
    whole = np.concatenate([batch["nodes"], own, (own[:, :, None] * field[:, None]).reshape(len(own), -1)], axis=1)
    assert np.allclose(found, np.logaddexp(0, whole @ kernel + bias), atol=1e-4)


def test_order_and_cell_change_nothing(mini):
    random = np.random.default_rng(0)
    model, network = OGCNN(**SMALL), shaken(build_ogcnn(OGCNNConfig(**SMALL)))
    crystals = [mini.structure(row) for row in range(0, 336, 40)]
    expected = outputs(model, network, of_crystals(crystals))
    for changed in ([permuted(c, random) for c in crystals], [supercell(c) for c in crystals]):
        assert np.abs(outputs(model, network, of_crystals(changed)) - expected).max() < 1e-4 < np.ptp(expected)


def test_it_learns_and_comes_back(table, split, tmp_path):
    model = OGCNN(seed=1, **RECIPE, **SMALL).fit(table, "formation_energy", split)
    assert model.state.history[-1]["loss"] < model.state.history[0]["loss"]
    assert_comes_back(model, table, tmp_path / "model")


def test_bad_crystals_are_named(mini):
    good = mini.structure(0)
    heavy = good._replace(numbers=np.full_like(good.numbers, 104))
    overlap = (np.array([11, 17]), np.eye(3) * 4, np.zeros((2, 3)))
    model = OGCNN(**SMALL, epochs=1).fit(of_crystals([good, heavy, overlap]), "gap", Split(("0", "1", "2"), (), ()))
    assert set(model.left_out) == {"1", "2"} and "ends at fermium" in model.left_out["1"]
