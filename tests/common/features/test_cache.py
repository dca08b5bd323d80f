"""The feature cache: nothing twice, nothing lost, and nothing that a damaged or closed folder can stop."""

import multiprocessing
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from common.data.materials import MaterialsDataset, crystal_key
from common.errors import UserError
from common.features import cache
from common.features.cache import FeatureCache, featurize
from common.features.ragged import Flat, Ragged
from common.io.files import cache_root
from profitnet.features import weights_row

calls: list[int] = []


def summary(crystal) -> dict[str, np.ndarray]:
    """A cheap featurizer that refuses oxides and counts how often it is asked."""
    calls.append(len(crystal.numbers))
    if 8 in crystal.numbers:
        raise UserError("oxides are not for this featurizer")
    return {"numbers": crystal.numbers, "lengths": np.linalg.norm(crystal.lattice, axis=1)}


@pytest.fixture(autouse=True)
def counted():
    calls.clear()


@pytest.fixture
def table(mini):
    return mini.take(np.arange(0, 336, 12))


def equal(one: Ragged, other: Ragged) -> bool:
    return set(one.fields) == set(other.fields) and all(
        np.array_equal(one.field(name).values, other.field(name).values)
        and np.array_equal(one.field(name).offset, other.field(name).offset)
        for name in one.fields
    )


def shards(folder: Path, name: str) -> list[Path]:
    return sorted((folder / "features" / name).glob("*"))


def test_the_cache_stands_where_the_environment_says(cache_folder, monkeypatch, tmp_path):
    assert cache_root() == cache_folder
    monkeypatch.delenv("MATREPRO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "matrepro"


def test_features_come_in_the_order_of_the_table_and_bad_rows_with_a_reason(table):
    made = featurize(table, "summary", summary)
    oxides = [8 in crystal.numbers for crystal in table.structures()]
    assert 0 < sum(oxides) < len(table)
    assert made.rows.tolist() == np.flatnonzero(~np.array(oxides)).tolist()
    assert made.errors == {name: "oxides are not for this featurizer" for name in table.ids[oxides].tolist()}
    for i, row in enumerate(made.rows):
        assert made.features.field("numbers").row(i).tolist() == table.structure(row).numbers.tolist()


def test_no_crystal_is_featurised_twice(table, cache_folder):
    first = featurize(table, "summary", summary)
    assert len(calls) == len(table)
    backwards = table.take(np.arange(len(table))[::-1])
    again = featurize(backwards, "summary", summary)
    assert len(calls) == len(table) + len(first.errors)  # only the refused ones, which are not kept
    assert equal(again.features.take(np.arange(len(again.rows))[::-1]), first.features)
    featurize(table, "summary-2", summary)
    assert len(calls) == 2 * len(table) + len(first.errors)  # another name is another cache
    assert len(shards(cache_folder, "summary")) == 1


def test_equal_structures_are_featurised_once(mini):
    crystal = mini.structure(mini.rows_of(["NaCl-B1"])[0])
    twins = MaterialsDataset.from_structures(["a", "b", "c"], [crystal] * 3)
    made = featurize(twins, "summary", summary)
    assert len(calls) == 1 and made.rows.tolist() == [0, 1, 2] and len(made.features) == 3


def test_formulas_are_featurised_by_their_text(table):
    made = featurize(table, "length", lambda text: {"n": np.array([len(text)])}, of="formula")
    assert made.features.field("n").values.tolist() == [len(text) for text in table.formulas] and len(made.rows) == len(
        table
    )


def test_a_table_of_which_nothing_can_be_featurised(mini):
    oxides = mini.take([i for i in range(60) if 8 in mini.structure(i).numbers])
    made = featurize(oxides, "summary", summary)
    assert made.features is None and len(made.rows) == 0 and set(made.errors) == set(oxides.ids.tolist())
    nothing = featurize(mini.take([]), "summary", summary)
    assert nothing.features is None and len(nothing.rows) == 0 and nothing.errors == {}


def test_a_structure_that_cannot_be_read_is_listed_and_the_rest_goes_on(table):
    damaged = MaterialsDataset.from_structures(table.ids, table.structures())
    damaged._structures.lattice[5] = 0
    made = featurize(damaged, "summary", summary)
    assert 5 not in made.rows and "no volume" in made.errors[table.ids[5]]


def test_two_jobs_give_what_one_gives(mini, monkeypatch, tmp_path):
    table, results = mini.take(np.arange(150)), []
    for jobs in (1, 2):
        monkeypatch.setenv("MATREPRO_CACHE", str(tmp_path / str(jobs)))
        results.append(featurize(table, "weights", weights_row, jobs=jobs))
    one, other = results
    assert equal(one.features, other.features) and one.errors == other.errors == {}
    assert one.rows.tolist() == other.rows.tolist() == list(range(150))


def test_a_run_that_is_stopped_keeps_the_shards_it_has_finished(table, cache_folder, monkeypatch):
    monkeypatch.setattr(cache, "SHARD", 8)

    def stops(crystal):
        if len(calls) == 20:
            raise KeyboardInterrupt
        calls.append(1)
        return {"n": crystal.numbers}

    with pytest.raises(KeyboardInterrupt):
        featurize(table, "stops", stops)
    assert len(FeatureCache("stops")) == 16
    calls[:] = [1] * 30
    featurize(table, "stops", stops)
    assert len(calls) == 30 + len(table) - 16


# --- a folder that fails ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["", "features", "features/summary"])
def test_a_cache_that_cannot_be_written_warns_and_goes_on(table, cache_folder, monkeypatch, place):
    """A file in the place of a folder cannot be written into even by root."""
    wanted = featurize(table, "elsewhere", summary)
    monkeypatch.setenv("MATREPRO_CACHE", str(cache_folder / "closed"))
    blocked = cache_folder / "closed" / place
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("not a folder")
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"features are not cached: cannot write .*MATREPRO_CACHE"):
            found = featurize(table, "summary", summary)
        assert equal(found.features, wanted.features)
        assert found.rows.tolist() == wanted.rows.tolist() and found.errors == wanted.errors
    assert blocked.read_text() == "not a folder"


@pytest.mark.parametrize("size", [0, 1000, 4000])
def test_a_full_disk_warns_goes_on_and_leaves_no_half_shard(table, cache_folder, disk_of, size):
    with disk_of(size), pytest.warns(UserWarning, match="features are not cached"):
        made = featurize(table, "summary", summary)
    assert len(made.features) == len(made.rows) > 0 and shards(cache_folder, "summary") == []


def damage(data: bytes, how: str) -> bytes:
    middle = len(data) // 2
    flipped = bytes([*data[:middle], data[middle] ^ 1, *data[middle + 1 :]])
    texts = {"empty": b"", "cut": data[: len(data) // 2], "short": data[:-1], "text": b"not HDF5 at all"}
    return {**texts, "one bit": flipped}[how]


@pytest.mark.parametrize("how", ["empty", "cut", "short", "text", "one bit"])
def test_a_damaged_shard_is_named_and_made_again(table, cache_folder, how):
    wanted = featurize(table, "summary", summary)
    (shard,) = shards(cache_folder, "summary")
    whole = shard.read_bytes()
    shard.write_bytes(damage(whole, how))
    calls.clear()
    with pytest.warns(UserWarning, match=rf"{shard.name} is damaged; its features are computed again"):
        found = featurize(table, "summary", summary)
    assert equal(found.features, wanted.features) and len(calls) == len(table)
    assert [path.read_bytes() for path in shards(cache_folder, "summary")] == [whole]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        featurize(table, "summary", summary)


def test_files_that_are_no_shards_are_left_out(cache_folder):
    import h5py

    folder = cache_folder / "features" / "summary"
    folder.mkdir(parents=True)
    key = np.zeros((1, 20), dtype=np.uint8)
    contents = [{}, {"key": key}, {"key": key, "a": 1}, {"key": key, "a/values": [1], "a/length": [1, 1]}]
    contents.append({"key": key, "a/values": [1.0, 2.0], "a/length": [5]})
    for i, datasets in enumerate(contents):
        with h5py.File(folder / f"{i}.h5", "w") as file:
            for name, data in datasets.items():
                file[name] = data
    with pytest.warns(UserWarning, match="is not a shard of features and is ignored") as caught:
        assert len(FeatureCache("summary")) == 0
    assert len(caught) == len(contents)


def test_a_file_that_is_still_being_written_is_not_read(table, cache_folder):
    featurize(table, "summary", summary)
    (shard,) = shards(cache_folder, "summary")
    shard.with_name(f".123.{shard.name}").write_bytes(shard.read_bytes()[:100])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(FeatureCache("summary")) > 0


# --- two at a time ---------------------------------------------------------------------------------


def _fill(folder: str, barrier, results) -> None:
    """One of two processes that featurize the same crystals into the same folder at the same time."""
    import os

    from common.sources import load_source

    os.environ["MATREPRO_CACHE"] = folder
    cache.SHARD = 4
    barrier.wait()
    made = featurize(load_source("mini").take(np.arange(0, 336, 12)), "summary", summary)
    results.put((made.rows.tolist(), made.errors, made.features.field("numbers").values.tolist()))


def test_two_processes_may_fill_one_cache(table, cache_folder):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_fill, args=(str(cache_folder), barrier, results)) for _ in range(2)]
    for process in processes:
        process.start()
    found = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert found[0] == found[1] and found[0][0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = FeatureCache("summary")
    assert len(kept) == len({crystal_key(table.structure(row)) for row in found[0][0]})
    assert all(not path.name.startswith(".") for path in shards(cache_folder, "summary"))


def test_a_reader_beside_a_writer_sees_whole_shards_only(cache_folder):
    """Shards appear under their name only when they are complete."""
    part = Ragged.stack([{"x": np.arange(5000.0)}])
    done = threading.Event()

    def write():
        for i in range(30):
            FeatureCache("busy").put([f"{i:040x}"], part)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        while not done.is_set():
            seen = FeatureCache("busy")
            assert all(len(seen.get([key]).field("x").values) == 5000 for key in list(seen._where))
    writer.join()
    assert len(FeatureCache("busy")) == 30


# --- ragged arrays -----------------------------------------------------------------------------------


def test_ragged_rows_stack_take_and_concatenate():
    rows = [{"x": np.array([1, 2]), "y": np.array([0.5])}, {"x": np.array([], int), "y": np.array([1.5, 2.5])}]
    ragged = Ragged.stack(rows)
    both = Ragged.concatenate([ragged, ragged.take(np.array([1]))])
    assert len(both) == 3 and len(both.field("x")) == 3
    assert [both.field("x").row(i).tolist() for i in range(3)] == [[1, 2], [], []]
    assert [both.field("y").row(i).tolist() for i in range(3)] == [[0.5], [1.5, 2.5], [1.5, 2.5]]
    assert len(ragged.take(np.array([], int))) == 0 and isinstance(ragged.field("x"), Flat)
