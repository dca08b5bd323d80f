"""The benchmark of fine-tuning: its trials, its data, and the table computed from stored predictions."""

import gzip

import numpy as np
import pytest

from benchmarks import finetuning
from common.data.predictions import Predictions
from common.errors import UserError


def test_every_seed_size_and_method_is_one_trial():
    names = [one.name for one in finetuning.trials()]
    assert len(names) == len(set(names)) == 27 and names[0] == "scratch-50-0"


def test_the_table_is_computed_from_the_stored_predictions(tmp_path, monkeypatch):
    path = tmp_path / "predictions.csv.gz"
    monkeypatch.setattr(finetuning, "STORED", path)
    monkeypatch.setattr(finetuning, "PICTURE", tmp_path / "picture.svg")
    with pytest.raises(UserError, match=r"run python -m benchmarks\.finetuning train first"):
        finetuning.table()
    target, ids = np.arange(4.0), np.array(list("abcd"))
    done = {finetuning.AS_IT_IS: Predictions(ids, target + 3.0)} | {
        one.name: Predictions(ids, target + (1 + one.seed) * (0.5 if one.method == "all" else 1.0), target)
        for one in finetuning.trials()
    }
    finetuning._store(done)
    assert gzip.decompress(path.read_bytes()).startswith(b"id,target,preset,scratch-50-0")
    rows = finetuning.table().splitlines()
    assert rows[0] == "| MAE (eV) | 50 materials | 200 materials | 1,000 materials |"
    assert rows[2] == "| from scratch | 2.000 ± 1.000 | 2.000 ± 1.000 | 2.000 ± 1.000 |"
    assert rows[3].startswith("| fine-tuned, all layers | 1.000 ± 0.500 |")
    assert rows[5] == "| the preset as it is | 3.000 | 3.000 | 3.000 |"
    finetuning.draw()
    assert "labelled materials" in (tmp_path / "picture.svg").read_text()


@pytest.mark.skipif(not finetuning.STORED.exists(), reason="the benchmark is not measured yet")
def test_the_page_has_the_stored_table():
    assert finetuning.table() in finetuning.PAGE.read_text()


@pytest.mark.real
def test_no_formula_is_in_two_of_preset_training_and_test():
    before = finetuning.load_source("matbench-mp-gap")
    table, test = finetuning._data(before)
    known = set(before.formulas.tolist())
    assert len(set(table.formulas.tolist())) == len(table) and not known & set(table.formulas.tolist())
    one, other = (finetuning._split(table, test, finetuning.Trial(seed, 50, "all")) for seed in (0, 1))
    assert len(one.train) == 40 and len(one.validation) == 10 and set(one.train) != set(other.train)
    assert not set(one.test) & {*one.train, *one.validation} and one.test == other.test
