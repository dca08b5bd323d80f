"""Matbench's files, fetched from the server as matminer does, and made into sources with its folds."""

import gzip
import hashlib

import numpy as np
import pytest

from common.errors import UserError
from common.sources import datadir, load_source
from common.sources.remote import matbench
from tests.common.sources.published import rows


@pytest.fixture
def task(world, tmp_path, monkeypatch):
    """A small `matbench_phonons` and `matbench_expt_gap` on the server, of which matminer's metadata say the hash."""
    import pandas
    from matminer.datasets import dataset_retrieval
    from matminer.utils.io import store_dataframe_as_json
    from pymatgen.core import Lattice, Structure

    structures = [Structure(Lattice.cubic(4 + k), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]) for k in range(7)]
    frames = {
        "matbench_phonons": {"structure": structures, "last phdos peak": np.arange(7.0) * 100},
        "matbench_expt_gap": {
            "composition": ["Ag(AuS)2", "Si", "NaCl", "Fe0.5O", "MgO"],
            "gap expt": [0.0, 1, 8, 2, 7],
        },
    }
    known = {}
    for name, columns in frames.items():
        path = tmp_path / f"{name}.json.gz"
        store_dataframe_as_json(pandas.DataFrame(columns), str(path), compression="gz")
        world.files[path.name] = path.read_bytes()
        known[name] = {
            "url": f"{world.address}/files/{path.name}",
            "hash": hashlib.sha256(path.read_bytes()).hexdigest(),
            "file_type": "json.gz",
        }
    monkeypatch.setattr(dataset_retrieval, "_dataset_dict", known)
    return known


def test_a_task_with_structures_and_folds(get, world, task):
    name = "matbench_phonons.json.gz"
    get("matbench-phonons", {name: world.files[name]}, "matbench:write", ["composition/none"])
    table = load_source("matbench-phonons-structures")
    assert table.ids.tolist() == [f"mb-phonons-{k}" for k in range(1, 8)]
    assert table.target("last_phdos_peak").values.tolist() == [100.0 * k for k in range(7)]
    assert table.formulas.tolist() == ["NaCl"] * 7 and np.allclose(table.structure(2).lattice, np.eye(3) * 6)
    assert np.array_equal(table.target("fold").values, matbench.folds(7))
    assert np.array_equal(load_source("matbench-phonons").target("fold").values, matbench.folds(7))


def test_a_task_of_formulas(get, world, task):
    name = "matbench_expt_gap.json.gz"
    get("matbench-expt-gap", {name: world.files[name]}, "matbench:write", ["composition/none"])
    table = load_source("matbench-expt-gap")
    assert table.formulas.tolist() == ["S2Ag1Au2".replace("1", ""), "Si", "NaCl", "O2Fe", "OMg"]
    assert table.target("Eg_exp").values.tolist() == [0.0, 1.0, 8.0, 2.0, 7.0]


def test_matminer_itself_loads_the_same_from_the_server(world, task, tmp_path):
    """matminer's own download, without ours: the server speaks to it too."""
    from matminer.datasets import load_dataset

    theirs = load_dataset("matbench_phonons", data_home=str(tmp_path / "theirs"))
    assert len(theirs) == 7 and world.requests("/files/matbench_phonons") == [""]
    assert matbench.read(tmp_path / "theirs/matbench_phonons.json.gz").equals(theirs)


@pytest.mark.parametrize("data", [gzip.compress(b"{}"), gzip.compress(b"{"), b"none"], ids=["empty", "cut", "other"])
def test_a_task_that_matminer_cannot_read(tmp_path, task, data):
    path = tmp_path / "matbench_phonons.json.gz"
    path.write_bytes(data)
    with pytest.raises(UserError, match="matminer cannot read it"):
        matbench.read(path)


@pytest.mark.real
@pytest.mark.parametrize("name", datadir.MATBENCH)
def test_folds_and_ids_are_those_that_matbench_publishes(real_data, name):
    listed = rows(real_data / f"composition/matbench_{name}.csv.gz")
    assert [row["id"] for row in listed] == matbench.ids(name, len(listed))
    assert [int(row["fold"]) for row in listed] == matbench.folds(len(listed)).tolist()
