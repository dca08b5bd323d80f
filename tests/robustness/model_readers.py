"""Readers of splits, predictions, models, presets, checkpoints and stored features."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from common.data.materials import MaterialsDataset, Target
from common.data.predictions import Predictions
from common.data.splits import Split
from common.features.featurized import Featurizer
from common.features.pack import Contents, Pack
from common.features.ragged import Ragged
from common.features.shards import read_shard, write_shard
from common.io.files import file_digest
from common.presets import quantize, store
from common.train import checkpoints, ensemble, saved_model
from common.train.recipes import recipe_file
from profitnet.regressor import OFMCNN
from tests.robustness.reader import Reader

IDS = ("a", "b", "c")
FEATURES = Ragged.stack([{"x": np.arange(n, dtype=float)} for n in (3, 1, 4)])
SHAPES = ((8, 16), (16,), (16, 2))


def card() -> dict:
    """The description of an untrained model."""
    model = OFMCNN(epochs=3)
    model.target, model.unit, model.elements = "gap", "eV", ("Cl", "Na")
    return {**saved_model.describe(model), "weights": "00"}


def _restored(path: Path) -> None:
    """All of a saved model but its weights."""
    saved_model.restore(OFMCNN, saved_model.read_card(path.parent), path)


def _weights(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 8)
    path.with_name("digest").write_text(file_digest(path))


def _load_weights(path: Path) -> None:
    """Loading compares the file with the checksum in the card before anything is built."""
    network = SimpleNamespace(load_weights=lambda _: None)
    model = SimpleNamespace(recipe=SimpleNamespace(precision="float32"), build=lambda: network)
    saved_model._load_weights(model, path, {"seed": 0, "weights": path.with_name("digest").read_text()})


def _predictions(path: Path) -> None:
    Predictions(np.array(["a", "b"]), np.array([1.0, 2.0]), np.array([1.5, 2.5])).save(path)


def _checkpoint(path: Path) -> None:
    checkpoints.save_checkpoint(path, [np.zeros((2, 3))], checkpoints.State("x", 1), [np.ones(4)])


class _Variable:
    shape = (2, 3)

    def assign(self, value: np.ndarray) -> None:
        np.zeros(self.shape)[...] = value


def _packed_weights(path: Path) -> None:
    random = np.random.default_rng(0)
    path.write_bytes(quantize.pack([random.normal(size=shape).astype(np.float32) for shape in SHAPES]))


def _preset(path: Path) -> None:
    """Its metadata, which have the hash of the configuration; damaged copies get one that fits."""
    path.write_text(json.dumps({**card(), "seeds": [0]}))
    _with_hash(path)


def _with_hash(path: Path) -> None:
    facts = {"format": store.FORMAT, "name": "x", "sha256": {path.name: file_digest(path)}}
    path.with_name(store.METADATA).write_text(json.dumps(facts))


def _read_preset(path: Path) -> None:
    _with_hash(path)
    saved_model.restore(OFMCNN, store.read_config(path.parent), path)


def _read_metadata(path: Path) -> None:
    store.describe(path.parent, store.read_metadata(path.parent), card())


def _pack(path: Path) -> None:
    contents = Contents()
    dataset = MaterialsDataset(IDS, ["NaCl", "Si", "MgO"], targets={"gap": Target(np.arange(3.0), "eV")})
    contents.tables, contents.digests = {"some": dataset}, {"some": {"gap": "00"}}
    contents.splits = {"some": {"00": Split(("a",), ("b",), ("c",))}}
    contents.features = {"some": {"f": (FEATURES, np.array(IDS), {})}}
    contents.write(path)


def _all_of_pack(path: Path) -> None:
    pack = Pack(path)
    dataset = pack.source(pack.sources[0])
    pack.featurize(dataset, Featurizer("f", dict))
    pack.split("some", "00")
    pack.element_vectors()


FACTS = {
    "format": store.FORMAT, "name": "gap", "version": "1.0", "model": "ofmcnn", "target": "gap", "unit": "eV",
    "members": 1, "parameters": 1000, "elements": ["Cl", "Na"], "licence": "mit", "sha256": {store.CONFIG: "00"},
    "dataset": {"name": "mini", "rows": 336}, "errors": [{"model": "this", "MAE": 0.5, "source": "test set"}],
}  # fmt: skip
CONFORMAL = {"conformal": {"n": 67, "source": "validation", "half_widths": [0.1, 0.2, 0.3], "smallest_std": 0.0}}

MODEL_READERS = (
    Reader("split.json", lambda p: Split(("a", "b"), ("c",), ("d",)).save(p), Split.load),
    Reader("predictions.csv", _predictions, Predictions.load),
    Reader("predictions.csv.gz", _predictions, Predictions.load, text=False),
    Reader("model.json", lambda p: p.write_text(json.dumps(card())), _restored),
    Reader("model.weights.h5", _weights, _load_weights, text=False),
    Reader("config.json", _preset, _read_preset),
    Reader("metadata.json", lambda p: p.write_text(json.dumps(FACTS)), _read_metadata),
    Reader("model.weights.npz", _packed_weights, lambda p: quantize.unpack(p.read_bytes()), text=False),
    Reader(
        "recipe.json",
        lambda p: recipe_file.RecipeFile("finder", "corrected", {"epochs": 3}).save(p),
        recipe_file.RecipeFile.load,
    ),
    Reader("intervals.json", lambda p: p.write_text(json.dumps(CONFORMAL)), ensemble._read_intervals),
    Reader("checkpoint.npz", _checkpoint, lambda p: checkpoints.restore_checkpoint(p, [_Variable()], "x"), text=False),
    Reader("pack.h5", _pack, _all_of_pack, text=False),
    Reader("shard.h5", lambda p: write_shard(p.parent, ["00"] * 3, FEATURES).rename(p), read_shard, text=False),
)
