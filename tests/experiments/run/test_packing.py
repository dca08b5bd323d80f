"""A file of features trains elsewhere what would be trained here, and its results come home."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from common.data.predictions import Predictions
from common.errors import UserError
from common.features.cache import featurize
from common.features.featurized import Featurizer
from common.features.pack import Pack
from common.sources import load_source
from experiments.cli.main import main
from experiments.declare import plan
from experiments.declare.models import NETWORKS, make_model
from experiments.run import inputs, packing, runner, store

#: What a machine that only trains does not have.
AWAY = ("pymatgen", "matminer", "pandas", "yaml", "tqdm", "joblib", "matplotlib", "sklearn", "elementembeddings")


@pytest.fixture
def cells(tiny):
    return plan.runs("tiny", "one", "mini")


@pytest.fixture
def packed(cells, tmp_path):
    path = tmp_path / "features.h5"
    packing.pack(cells[:1], path)
    return path


def test_a_file_holds_the_runs_their_materials_targets_splits_and_features(cells, tmp_path):
    path = tmp_path / "features.h5"
    facts = packing.pack(cells, path)
    assert facts["runs"] == 2 and facts["sources"] == {"mini": 336} and facts["megabytes"] < 1
    assert set(facts["left_out"]) == {cell.key for cell in cells[2:]}
    file, table = Pack(path), load_source("mini").known("band_gap")
    assert packing.runs_of(file) == cells[:2]
    found = file.source("mini")
    assert not found.has_structures and set(found.targets) == {"band_gap"}
    assert np.array_equal(found.ids, table.ids) and found.target("band_gap").unit == "eV"
    assert np.array_equal(found.target("band_gap").values, table.target("band_gap").values)
    assert found.digest("band_gap") == table.digest("band_gap")
    for cell, one in zip(cells, file.runs, strict=False):
        assert file.split("mini", one["split"]) == inputs.make_split(table, cell.settings["split"], cell.seed)
    model, away = (make_model(cells[0].settings) for _ in range(2))
    away.store, some = file, np.array([300, 2, 41])
    ours, theirs = (m.features(t.take(some)).features.batch(np.arange(3)) for m, t in ((model, table), (away, found)))
    assert np.array_equal(ours, theirs) and np.ptp(ours) > 0


@pytest.mark.slow
def test_training_from_a_file_gives_the_result_of_direct_training(cells, packed, tmp_path):
    cell = cells[0]
    done = packing.train(Pack(packed), tmp_path / "away")
    assert done == {"trained": [cell.key], "finished before": [], "failed": {}}
    assert packing.train(Pack(packed), tmp_path / "away")["finished before"] == [cell.key]
    away = tmp_path / "away" / cell.key
    assert not store.finished(cell)
    runner.execute(cell)
    one, other = (Predictions.load(folder / "predictions.csv.gz") for folder in (away, store.folder_of(cell)))
    assert np.array_equal(one.ids, other.ids) and np.array_equal(one.target, other.target)
    assert np.allclose(one.prediction, other.prediction, rtol=1e-5, atol=1e-6) and np.ptp(one.prediction) > 0
    records = [json.loads((folder / "cell.json").read_text()) for folder in (away, store.folder_of(cell))]
    for name in ("digest", "settings", "resolved", "split", "data", "unit", "left_out"):
        assert records[0][name] == records[1][name], name
    assert records[0]["device"]["processor"]


@pytest.mark.slow
def test_results_are_imported_where_they_fit_the_declaration(cells, packed, tmp_path, capsys):
    packing.train(Pack(packed), tmp_path / "away")
    assert main(["features", "unpack", str(tmp_path / "away"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"taken": [cells[0].key], "stored before": [], "refused": {}}
    assert store.finished(cells[0])
    assert packing.unpack(tmp_path / "away")["stored before"] == [cells[0].key]

    path = tmp_path / "away" / cells[0].key / "cell.json"
    whole = path.read_text()
    (store.folder_of(cells[0]) / "cell.json").unlink()
    path.write_text(whole.replace(cells[0].digest(), "0" * 16))
    assert "not those that are declared now" in packing.unpack(tmp_path / "away")["refused"][cells[0].key]
    path.write_text(whole[:20])
    assert "cannot be read" in packing.unpack(tmp_path / "away")["refused"][cells[0].key]
    assert main(["features", "unpack", str(tmp_path / "away")]) == 2
    assert not store.finished(cells[0])
    other = tmp_path / "other" / "mini/tiny/one/gap-mini/away/seed-0"
    other.mkdir(parents=True)
    (other / "cell.json").write_text(whole)
    assert "is not declared" in next(iter(packing.unpack(tmp_path / "other")["refused"].values()))
    with pytest.raises(UserError, match="holds no results"):
        packing.unpack(tmp_path / "nowhere")


@pytest.mark.slow
def test_seeds_beyond_the_declared_ones_come_home_too(tiny, tmp_path):
    (cell,) = (cell for cell in plan.runs("tiny", "one", "mini", seeds=4) if cell.row == "net" and cell.seed == 3)
    packing.pack([cell], tmp_path / "features.h5")
    packing.train(Pack(tmp_path / "features.h5"), tmp_path / "away")
    assert packing.unpack(tmp_path / "away")["taken"] == [cell.key] and store.finished(cell)


@pytest.mark.slow
def test_what_is_predicted_besides_is_there_whole_for_every_network(cells, tmp_path):
    """Although others train on it, with fewer of its materials and other features."""
    one, other = cells[:2]
    one = replace(one, settings={**one.settings, "target": "bulk_modulus", "also": {"swollen": "mini-swollen"}})
    changes = {"source": "mini-swollen", "model": "cgcnn", "also": {"first": "mini", "itself": "mini-swollen"}}
    other = replace(other, settings={**other.settings, **changes, "target": "formation_energy"})
    packing.pack([one, other], tmp_path / "features.h5")
    file = Pack(tmp_path / "features.h5")
    assert len(load_source("mini").known("bulk_modulus")) < len(load_source("mini"))
    for cell in (one, other):
        for name in cell.settings["also"].values():
            home, table = load_source(name), file.source(name)
            assert np.array_equal(table.ids, home.ids)
            model = make_model(cell.settings)
            model.store = file
            assert model.features(table).rows.tolist() == list(range(len(home)))
        packing._check(file, cell, file.runs[(one, other).index(cell)])


def test_why_materials_have_no_features_is_told_of_every_table(cells):
    class Model:
        config = None

        def features(self, table, jobs):
            return featurize(table, "numbers", no_oxides, store=self.store)

    def no_oxides(crystal):
        if 8 in crystal.numbers:
            raise UserError("an oxide")
        return {"numbers": crystal.numbers}

    table, contents = load_source("mini").take(np.arange(0, 336, 8)), packing.Contents()
    oxides = np.array([8 in crystal.numbers for crystal in table.structures()])
    assert 2 < oxides.sum() < len(table) - 2
    bad, good = np.flatnonzero(oxides), np.flatnonzero(~oxides)
    for rows in (bad[:1], good[:2], np.array([*good, bad[1]]), np.array([*good[:3], *bad])):
        packing._add_features(contents, "mini", Model(), table.take(rows), 1)
    ragged, ids, reasons = contents.features["mini"]["numbers"]
    assert len(ragged) == len(ids) and ids.tolist() == table.ids[good].tolist()
    assert reasons == dict.fromkeys(table.ids[bad].tolist(), "an oxide")


@pytest.mark.slow
def test_training_needs_nothing_but_keras_numpy_h5py_and_a_backend(packed, tmp_path):
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({AWAY}))\n"
        "from experiments.cli.main import main\n"
        f"sys.exit(main(['features', 'train', {str(packed)!r}, '--output', {str(tmp_path / 'away')!r}, '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (key,) = json.loads(done.stdout)["trained"]
    assert len(Predictions.load(tmp_path / "away" / key / "predictions.csv.gz")) == 67


@pytest.mark.slow
def test_a_failed_run_does_not_stop_the_others(cells, tmp_path, capsys):
    path = tmp_path / "features.h5"
    packing.pack(cells[:2], path)
    file = Pack(path)
    file.runs[0]["digest"] = "0" * 16
    done = packing.train(file, tmp_path / "away")
    assert done["trained"] == [cells[1].key]
    assert "another version of the program" in done["failed"][cells[0].key]
    assert f"failed {cells[0].key}" in capsys.readouterr().err


def test_what_cannot_be_packed_or_read(cells, packed, tmp_path, capsys):
    with pytest.raises(UserError, match="none of these runs is a network"):
        packing.pack(cells[2:], tmp_path / "nothing.h5")
    corpus = replace(cells[0], settings={**cells[0].settings, "config": {"corpus": "mini"}})
    with pytest.raises(UserError, match="none of these runs is a network that a file of features can hold"):
        packing.pack([corpus], tmp_path / "nothing.h5")
    with pytest.raises(UserError, match="no materials of mp-structures; it has: mini"):
        Pack(packed).source("mp-structures")
    with pytest.raises(UserError, match="was not packed for the target 'total_energy'"):
        Pack(packed).source("mini").digest("total_energy")
    with pytest.raises(UserError, match="has no features magpie-2"):
        Pack(packed).featurize(Pack(packed).source("mini"), Featurizer("magpie-2", print))
    with pytest.raises(UserError, match="mini does not come from"):
        Pack(packed).featurize(load_source("mini"), Featurizer("magpie-2", print))
    with pytest.raises(UserError, match="no run whose name contains 'seed-7'"):
        packing.train(Pack(packed), tmp_path, only="seed-7")
    (tmp_path / "text.h5").write_text("no HDF5")
    assert main(["features", "info", str(tmp_path / "text.h5")]) == 2
    assert "text.h5 is not a readable HDF5 file" in capsys.readouterr().err
    load_source("mini").to_hdf5(tmp_path / "table.h5")
    assert main(["features", "train", str(tmp_path / "table.h5"), "--output", str(tmp_path)]) == 2
    assert "is no file of features of this version" in capsys.readouterr().err


def test_a_material_that_has_no_features_is_listed_with_the_reason(packed):
    file = Pack(packed)
    table, (name,) = file.source("mini"), file.file["sources/mini/features"]
    featurizer = Featurizer(name, print)
    stored = file._features(table, featurizer)
    gone, missing = table.ids[5], table.ids[6]
    place = {k: v for k, v in stored.place.items() if k not in (gone, missing)}
    file._stored["mini", name] = stored._replace(place=place, errors={gone: "too flat"})
    made = file.featurize(table.take(np.arange(4, 8)), featurizer)
    assert made.errors == {gone: "too flat", missing: "its features are not in the file"}
    assert made.rows.tolist() == [0, 3] and len(made.features) == 2
    nothing = file.featurize(table.select([gone]), featurizer)
    assert nothing.features is None and len(nothing.rows) == 0


def test_commands_of_the_file(tiny, tmp_path, capsys):
    path = str(tmp_path / "one.h5")
    assert main(["features", "pack", "tiny", "one", "--only", "seed-1", "--output", path]) == 0
    assert "runs: 1; mini 336 materials" in capsys.readouterr().out
    assert main(["features", "info", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "runs": ["mini/tiny/one/gap-mini/net/seed-1"],
        "sources": {"mini": 336},
    }
    assert main(["features", "pack", "tiny", "one", "--only", "seed-9", "--output", path]) == 2
    assert "name that contains 'seed-9'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        main(["features", "pack", "--help"])
    assert "example:" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main(["features"])


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_every_network_sees_the_same_inputs(network, cells, tmp_path, monkeypatch):

    some = load_source("mini").take(np.arange(0, 336, 17))
    monkeypatch.setattr(packing, "load_source", lambda name: some)
    settings = {**cells[0].settings, "model": network, "recipe": {}}
    packing.pack([replace(cells[0], settings=settings)], tmp_path / "features.h5")
    file, model = Pack(tmp_path / "features.h5"), make_model(settings)
    ours, model.store = model.features(some), file
    theirs = model.features(file.source("mini"))
    assert ours.rows.tolist() == theirs.rows.tolist() and ours.errors.keys() == theirs.errors.keys()
    rows = np.array([3, 0, 7])
    batches = []
    for features in (ours.features, theirs.features):
        model.fit_inputs(features, np.arange(5))
        found = features.batch(rows)
        batches.append(found if isinstance(found, dict) else {"": found})
    assert batches[0].keys() == batches[1].keys()
    for name, values in batches[0].items():
        assert np.array_equal(values, batches[1][name]), name
    assert any(np.ptp(values) > 0 for values in batches[0].values())


def test_element_vectors_come_with_the_file(cells, tmp_path, monkeypatch):
    from common.chem import element_vectors as vectors

    packing.pack([replace(cells[0], settings={**cells[0].settings, "model": "roost", "recipe": {}})], tmp_path / "f.h5")
    known = vectors.element_vectors("matscholar")
    monkeypatch.setattr(vectors, "_registered", {})
    (found,) = Pack(tmp_path / "f.h5").element_vectors()
    assert np.array_equal(found.table, known.table) and np.array_equal(found.available, known.available)
    vectors.register(found)
    assert vectors.element_vectors("matscholar") is found
    vectors.element_vectors.cache_clear()
