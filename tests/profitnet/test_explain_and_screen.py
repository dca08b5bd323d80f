"""`profitnet explain` and `profitnet screen`: what the commands hand over; the work is tested with its module."""

import shutil
from types import SimpleNamespace

import pytest

from common.data.splits import Split
from profitnet import commands
from profitnet.regressor import OFMCNN


def recorder(monkeypatch, module: str, name: str, result=None) -> list:
    """Put a function that keeps its arguments in the place of `profitnet.<module>.<name>`."""
    calls = []

    def function(*arguments, **options):
        calls.append((arguments, options))
        return result

    handlers = {"explain": "shap_values", "screening": "screening"}
    monkeypatch.setattr(commands, handlers[module], SimpleNamespace(**{name: function}))
    return calls


def test_explain_compares_with_what_was_learned(trained, run, tmp_path, monkeypatch):
    folder, _ = trained
    saved = []
    calls = recorder(monkeypatch, "explain", "explain", SimpleNamespace(save=saved.append))
    status, _, err = run(
        *("explain", "--model", folder, "mini", "--output", tmp_path / "out", "--samples", "7", "--background", "9")
    )
    assert status == 0 and "importance.csv" in err and saved == [str(tmp_path / "out")]
    [((model, table), options)] = calls
    assert isinstance(model, OFMCNN) and len(table) == 336
    background = options.pop("background").ids.tolist()
    assert len(background) == 9 and set(background) < set(Split.load(folder / "split.json").train)
    assert options == {"samples": 7, "seed": 0}


def test_screen_predicts_counts_and_draws(trained, run, tmp_path):
    folder, _ = trained
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    out = tmp_path / "out"
    status, text, err = run("screen", "--eps-model", folder, "--gap-model", other, "mini", "--output", out)
    assert status == 0 and "of 336 are negative" in text and "Pearson r = 1.000" in text
    assert (out / "penn.png").exists() and (out / "predictions.csv.gz").exists()
    status, _, err = run("screen", "--model", folder, "--gap-model", folder, "mini", "--output", out)
    assert status == 2 and "named twice" in err
    status, _, err = run("screen", "mini", "--output", out)
    assert status == 2 and "screen needs a model" in err


@pytest.mark.parametrize("command", ["explain", "screen"])
def test_explain_and_screen_need_a_model_and_materials(trained, run, files, command, monkeypatch):
    calls = recorder(monkeypatch, {"explain": "explain", "screen": "screening"}[command], command)
    assert run(command, "--model", files, "mini", "--output", files / "out")[0] == 2
    status, _, err = run(command, "--model", trained[0], files / "empty.cif", "--output", files / "out")
    assert status == 2 and "the file is empty" in err
    assert calls == [] and not (files / "out").exists()
