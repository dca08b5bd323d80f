"""Features of tables of any size: made, kept and gathered shard by shard."""

import numpy as np
import pytest

from common.features import cache
from common.features import shards as shards_module
from common.features.cache import FeatureCache, featurize
from common.features.ragged import Ragged


def sites(crystal) -> dict[str, np.ndarray]:
    return {"numbers": crystal.numbers, "volume": np.array([abs(np.linalg.det(crystal.lattice))])}


@pytest.fixture
def shards(mini, monkeypatch):
    """The 336 crystals of the embedded set in shards of 50; the reads of shards by path."""
    monkeypatch.setattr(cache, "SHARD", 50)
    featurize(mini, "flat", sites)
    read, whole = [], shards_module.read_shard

    def counted(path, **options):
        read.append(path)
        return whole(path, **options)

    monkeypatch.setattr(shards_module, "read_shard", counted)
    return read


def test_a_cache_holds_no_features_until_they_are_asked_for(mini, shards):
    kept = FeatureCache("flat")
    assert len(kept) > 200 and len(kept._parts) > 4
    assert not any(isinstance(part, Ragged) for part in kept._parts)


def test_every_shard_is_read_once_for_a_table_in_any_order(mini, shards):
    FeatureCache("flat")  # which reads the keys
    order = np.random.default_rng(0).permutation(len(mini))
    shards.clear()
    made = featurize(mini.take(order), "flat", sites)
    assert not made.errors and len(made.rows) == len(mini)
    assert len(shards) == len(set(shards)) > 4
    for place, row in enumerate(order):
        crystal = mini.structure(row)
        assert np.array_equal(made.features.field("numbers").row(place), crystal.numbers)
        assert made.features.field("volume").row(place) == pytest.approx(abs(np.linalg.det(crystal.lattice)))


def test_a_table_worked_off_in_pieces_reads_the_keys_once(mini, shards):
    for start in range(0, len(mini), 100):
        featurize(mini.take(np.arange(start, min(start + 100, len(mini)))), "flat", sites)
    per_shard = [shards.count(path) for path in set(shards)]
    # Once for its keys at most, and once for each of the pieces that have rows in it, of which two meet at an edge.
    assert max(per_shard) <= 3


def test_what_was_just_made_is_not_held_either(mini, shards, monkeypatch):
    kept = FeatureCache("other")
    kept.put(["00" * 20], Ragged.stack([{"x": np.arange(3)}]))
    assert not isinstance(kept._parts[0], Ragged)
    assert kept.get(["00" * 20]).field("x").row(0).tolist() == [0, 1, 2]
