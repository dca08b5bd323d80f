"""The alloys before and after relaxation, the training set, and damaged files."""

import gzip
import json

import numpy as np
import pytest

from common.chem.elements import F_BLOCK
from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset, Target
from common.errors import UserError
from common.sources import load_source
from esnet.datasets import orr_alloys
from esnet.datasets.orr_alloys import lattice


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """A data directory of three alloys and a pack of 60 structures, ten of them in the training set."""
    import h5py

    cube = {"cellpar": [4.0, 4.0, 4.0, 90.0, 90.0, 90.0], "frac": [[0, 0, 0], [0.5, 0.5, 0.5]]}
    bent = {"cellpar": [3.0, 4.0, 5.0, 80.0, 95.0, 110.0], "frac": [[0, 0, 0], [0.5, 0.5, 0.5]]}
    rows = [
        {"id": "1", "symbols": ["Bi", "Au"], "formation_energy_eV_per_atom": -0.5, "in_esnet_test": True},
        {"id": "2", "symbols": ["Pd", "S"], "formation_energy_eV_per_atom": 280.0, "in_esnet_test": True},
        {"id": "3", "symbols": ["Pd", "Hg"], "formation_energy_eV_per_atom": 0.1, "in_esnet_test": False},
    ]
    path = tmp_path / "dos" / "2eorr" / "structures.jsonl.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(
        gzip.compress("\n".join(json.dumps({**r, "initial": cube, "relaxed": bent}) for r in rows).encode())
    )
    # Every fourth one is of the alloy's composition, with an f element, or has an energy that was matched by formula.
    kinds = [("AuBi", [79, 83], 1), ("CeO", [58, 8], 1), ("NaCl", [11, 17], 2), ("MgO", [12, 8], 1)]
    ids = [f"mp-{n}" for n in range(60)]
    crystals = [
        (np.array(kinds[n % 4][1]), np.eye(3) * (4 + n / 100), np.array([[0, 0, 0], [0.5] * 3])) for n in range(60)
    ]
    energies = np.where(np.arange(60) % 12 == 11, np.nan, -np.arange(60) / 60)
    table = MaterialsDataset.from_structures(
        ids,
        crystals,
        {"formation_energy_per_atom": Target(energies, "eV/atom")},
        formulas=[kinds[n % 4][0] for n in range(60)],
    )
    (tmp_path / "mp").mkdir()
    table.to_hdf5(tmp_path / "mp" / "mp_structures.h5")
    with h5py.File(tmp_path / "mp" / "mp_structures.h5", "r+") as file:
        file["formation_energy_source"] = np.array([kinds[n % 4][2] for n in range(60)], dtype=np.uint8)
    monkeypatch.setenv("MATREPRO_DATA", str(tmp_path))
    monkeypatch.setattr(orr_alloys, "LEARNED", 10)
    return path


@pytest.mark.filterwarnings("ignore:dos/2eorr")
def test_training_materials_and_marked_alloys(directory):
    table = load_source("mp-and-orr-initial")
    marks = table.target("test").values
    assert len(table) == 11 and table.ids[marks == 1].tolist() == ["1"]
    training = table.take(np.flatnonzero(marks == 0))
    assert set(training.formulas) == {"MgO"} and training.target("formation_energy").unit == "eV/atom"
    for name, value in zip(training.ids.tolist(), training.target("formation_energy").values, strict=True):
        assert value == pytest.approx(-int(name[3:]) / 60)
    assert load_source("mp-and-orr-initial").ids.tolist() == table.ids.tolist()


def test_both_states_have_the_same_ids_and_energies(directory):
    with pytest.warns(UserWarning, match="1 of 2 rows above 5 eV/atom dropped"):
        one, other = orr_alloys.alloys("initial"), load_source("orr-relaxed")
    assert one.ids.tolist() == other.ids.tolist() == ["1"]
    assert one.target("formation_energy").values.tolist() == other.target("formation_energy").values.tolist() == [-0.5]
    assert np.allclose(one.structure(0).lattice, 4 * np.eye(3)) and one.structure(0).numbers.tolist() == [83, 79]


def test_a_cell_has_the_lengths_and_angles_it_was_made_of():
    cellpar = [3.0, 4.0, 5.0, 80.0, 95.0, 110.0]
    vectors = lattice(cellpar)
    lengths = np.linalg.norm(vectors, axis=1)
    cosines = [vectors[i] @ vectors[j] / lengths[i] / lengths[j] for i, j in ((1, 2), (0, 2), (0, 1))]
    assert lengths == pytest.approx(cellpar[:3]) and np.degrees(np.arccos(cosines)) == pytest.approx(cellpar[3:])
    assert np.array_equal(lattice([2, 3, 4, 90, 90, 90]), np.diag([2.0, 3.0, 4.0]))


def test_what_is_wrong_with_the_files_is_told(directory, monkeypatch):
    monkeypatch.setattr(orr_alloys, "LEARNED", 12)
    with pytest.warns(UserWarning), pytest.raises(UserError, match="10 structures to learn from, fewer than the 12"):
        load_source("mp-and-orr-initial")
    directory.write_bytes(directory.read_bytes()[:-20])
    with pytest.raises(UserError, match="cannot be read"):
        load_source("orr-relaxed")
    directory.unlink()
    with pytest.raises(UserError, match="is not there"):
        load_source("orr-relaxed")


@pytest.mark.real
def test_the_real_alloys(real_data):
    table, relaxed = load_source("mp-and-orr-initial"), load_source("orr-relaxed")
    tested = table.target("test").values == 1
    assert (~tested).sum() == 5000 and tested.sum() == len(relaxed) == 7166
    assert table.ids[tested].tolist() == relaxed.ids.tolist()
    compositions = {frozenset(parse_formula(f).items()) for f in relaxed.formulas.tolist()}
    for formula in table.formulas[~tested].tolist():
        elements = parse_formula(formula)
        assert not F_BLOCK & set(elements) and frozenset(elements.items()) not in compositions
    # Relaxation moves and swells cells; the energies are those of the same materials.
    volumes = [
        relaxed.structure(k).volume / table.structure(int(row)).volume for k, row in enumerate(np.flatnonzero(tested))
    ]
    assert 0.8 < np.median(volumes) < 1.5 and np.std(volumes) > 0.01


@pytest.mark.real
def test_a_sample_of_the_pack(real_data):
    sample = load_source("mp-sample-5000")
    assert len(sample) == 5000 and sample.has_structures and len(set(sample.ids)) == 5000
