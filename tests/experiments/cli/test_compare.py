"""`matrepro compare` on two small models."""

import json
import shutil

import numpy as np
import pytest

from common.data.splits import by_fractions
from experiments.cli.main import main
from finder.rescnn import ResCNN
from profitnet.regressor import OFMCNN


@pytest.fixture(scope="module")
def models(mini, tmp_path_factory):
    """A network on structures and one on formulas, of the same property, and one of another property."""
    folder = tmp_path_factory.mktemp("models")
    table = mini.take(np.arange(0, 336, 8)).known("band_gap")
    split = by_fractions(table)
    OFMCNN(epochs=1, batch=16).fit(table, "formation_energy", split).save(folder / "structures")
    ResCNN(epochs=1, batch=16).fit(table, "formation_energy", split).save(folder / "formulas")
    OFMCNN(epochs=1, batch=16).fit(table, "band_gap", split).save(folder / "gap")
    return folder


def run(models, *names_and_options) -> int:
    first, second, *options = map(str, names_and_options)
    return main(["compare", str(models / first), str(models / second), "mini", *options])


def test_errors_are_paired_and_drawn(models, tmp_path, capsys):
    split, picture = models / "structures" / "split.json", tmp_path / "parity.png"
    assert run(models, "structures", "formulas", "--split", split, "--output", picture, "--json") == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    count = len(json.loads(split.read_text())["test"])
    assert facts["models"] == ["structures", "formulas"] and facts["n"] == count
    assert facts["difference"] == pytest.approx(facts["mae"][0] - facts["mae"][1])
    assert facts["low"] <= facts["difference"] <= facts["high"] and 0 < facts["p"] <= 1
    assert picture.stat().st_size > 10_000 and "wrote" in err and "trained on" not in err


def test_text_and_a_warning_of_training_materials(models, capsys):
    assert run(models, "structures", "formulas", "--resamples", "200") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split()[:2] == ["formation_energy", "MAE"] and "n = 336" in out
    assert "the model was trained on" in err


def test_what_cannot_be_compared(models, tmp_path, capsys):
    assert run(models, "structures", "gap") == 2
    assert "compare models of the same property" in capsys.readouterr().err
    assert run(models, "structures", "structures") == 2
    assert "structures is named twice; name different models" in capsys.readouterr().err
    shutil.copytree(models / "structures", tmp_path / "structures")
    assert run(models, "structures", tmp_path / "structures") == 2
    assert "two models are called structures" in capsys.readouterr().err
    shutil.copytree(models / "structures", tmp_path / "copy")
    assert run(models, "structures", tmp_path / "copy", "--resamples", "100") == 0
    assert "no significant difference" in capsys.readouterr().out
    assert run(models, "structures", "formulas", "--output", "x.pdf") == 2
    assert "must end in .png or .svg" in capsys.readouterr().err
