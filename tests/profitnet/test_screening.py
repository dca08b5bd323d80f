"""Screening: chunks, resumption, counts and the Penn relation."""

import csv
import gzip
import json

import numpy as np
import pytest

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.train import devices
from profitnet.regressor import OFMCNN
from profitnet.screening import penn_energy, screen


def untrained(seed: int, unit: str) -> OFMCNN:
    devices.setup(seed)
    model = OFMCNN(seed=seed)
    model.model, model.target, model.unit = model.build(), "band_gap", unit
    return model


@pytest.fixture(scope="module")
def models():
    return {"eps": untrained(0, "1"), "gap": untrained(1, "eV"), "gap-2": untrained(2, "eV")}


def read(folder) -> list[list[str]]:
    with gzip.open(folder / "predictions.csv.gz", "rt", newline="") as file:
        return list(csv.reader(file))


def test_predictions_and_counts_are_those_of_the_models(models, mini, tmp_path):
    table = mini.take(np.arange(50))
    summary = screen(models, table, tmp_path, eps="eps", gap="gap", chunk=20)
    rows = read(tmp_path)
    assert rows[0] == ["id", "formula", "eps", "gap (eV)", "gap-2 (eV)"]
    assert [row[0] for row in rows[1:]] == table.ids.tolist()
    for column, (name, model) in enumerate(models.items(), start=2):
        expected = model.predict(table, bar=False).prediction
        assert np.allclose([float(row[column]) for row in rows[1:]], expected, rtol=1e-4, atol=1e-5)
        assert summary["models"][name]["negative"] == (expected < 0).sum()
    values = [np.array([float(row[c]) for row in rows[1:]]) for c in (3, 4)]
    assert summary["pearson"] == {"gap and gap-2": pytest.approx(np.corrcoef(*values)[0, 1], abs=1e-6)}
    assert summary == json.loads((tmp_path / "summary.json").read_text())
    assert (tmp_path / "penn.png").exists() and (tmp_path / "gap-gap-2.png").exists()


def test_an_interrupted_screening_goes_on_and_ends_the_same(models, mini, tmp_path, monkeypatch):
    table = mini.take(np.arange(60))
    screen(models, table, tmp_path / "alone", chunk=20)
    model = models["gap"]
    predict, calls = model.predict, []

    def stop(part, **options):
        calls.append(part.ids[0])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return predict(part, **options)

    monkeypatch.setattr(model, "predict", stop)
    with pytest.raises(KeyboardInterrupt):
        screen(models, table, tmp_path / "stopped", chunk=20)
    assert not (tmp_path / "stopped" / "predictions.csv.gz").exists()
    screen(models, table, tmp_path / "stopped", chunk=20)
    assert calls[1:] == [table.ids[20], table.ids[20], table.ids[40]]
    for name in ("predictions.csv.gz", "summary.json", "failed.csv"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_bad_structures_are_listed_with_their_reason(models, tmp_path):
    cube = 4.0 * np.eye(3)
    structures = [([11], cube, [[0, 0, 0]]), ([11, 11], cube, [[0, 0, 0], [0, 0, 0.001]]), ([100], cube, [[0, 0, 0]])]
    table = MaterialsDataset.from_structures(["good", "overlap", "fermium"], structures)
    summary = screen({"gap": models["gap"]}, table, tmp_path)
    assert (summary["predicted"], summary["failed"]) == (1, 2)
    failed = dict(csv.reader((tmp_path / "failed.csv").read_text().splitlines()))
    assert "apart" in failed["overlap"] and "atomic number 100" in failed["fermium"]
    assert sum(summary["failed_by_reason"].values()) == 2
    assert [row[0] for row in read(tmp_path)] == ["id", "good"]


def test_a_folder_of_another_screening_is_refused(models, mini, tmp_path):
    screen({"gap": models["gap"]}, mini.take([0, 1]), tmp_path)
    with pytest.raises(UserError, match="another screening"):
        screen({"gap": models["gap-2"]}, mini.take([0, 1]), tmp_path)
    with pytest.raises(UserError, match="another screening"):
        screen({"gap": models["gap"]}, mini.take([0, 2]), tmp_path)
    with pytest.raises(UserError, match="unknown model 'eps'"):
        screen({"gap": models["gap"]}, mini.take([0, 1]), tmp_path, eps="eps")


def test_the_penn_energy_is_found_again():
    gap = np.array([0.5, 1.0, 2.0, 4.0, -1.0, 0.0])
    eps = 1 + (11.5 / np.where(gap > 0, gap, 1.0)) ** 2
    assert penn_energy(gap, eps) == pytest.approx(11.5, rel=1e-12)
    assert penn_energy(np.array([-1.0]), np.array([5.0])) is None
