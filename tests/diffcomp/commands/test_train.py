"""What `diffcomp train` adds to the shared command: the ratio of composition to pattern; settings are checked first."""

import json

import pytest

from diffcomp.cli import build_parser, main
from diffcomp.regressor import DiffComp

TRAIN = ["train", "mini", "--target", "formation_energy", "--epochs", "1", "--split-ratio", "1:1:8"]


@pytest.mark.parametrize(
    ("text", "nodes"), [("9:1", 9), ("90:10", 9), ("1:1", 5), ("30:70", 3), ("10:0", 10), ("0:10", 0), ("0:1", 0)]
)
def test_the_ratio_in_tenths(text, nodes):
    assert build_parser().parse_args([*TRAIN, "--model", "m", "--ratio", text]).cv_nodes == nodes


@pytest.mark.parametrize("text", ["9", "9:2", "a:b", "-1:11", "0:0", "3:3:4", "9.0:1", ""])
def test_what_is_no_ratio(text, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([*TRAIN, "--model", "m", f"--ratio={text}"])
    assert "is not a ratio in tenths, composition to pattern" in capsys.readouterr().err


@pytest.mark.slow
def test_training_with_a_ratio(tmp_path):
    """The option goes before the file of settings, zero nodes too; without one it is the paper's."""
    recipe = tmp_path / "best.json"
    recipe.write_text(json.dumps({"network": "diffcomp", "variant": "corrected", "settings": {"cv_nodes": 0}}))
    assert main([*TRAIN, "--model", str(tmp_path / "a"), "--ratio", "10:0", "--recipe", str(recipe)]) == 0
    assert DiffComp.load(tmp_path / "a").config.cv_nodes == 10
    recipe.write_text(json.dumps({"network": "diffcomp", "variant": "corrected", "settings": {"cv_nodes": 10}}))
    assert main([*TRAIN, "--model", str(tmp_path / "b"), "--ratio", "0:10", "--recipe", str(recipe)]) == 0
    assert DiffComp.load(tmp_path / "b").config.cv_nodes == 0
    assert DiffComp().config.cv_nodes == 9


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"picture": "blurred"}, "picture 'blurred' is unknown; choose one of: released, corrected"),
        ({"cv_nodes": 11}, "11 nodes for the composition; choose 0 to 10"),
        ({"elements": 1}, "elements is 1; a composition needs places for two or more"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_read(settings, reason, tmp_path, monkeypatch, capsys):
    recipe = tmp_path / "best.json"
    recipe.write_text(json.dumps({"network": "diffcomp", "variant": "corrected", "settings": settings}))
    monkeypatch.setattr("common.cli.train.labeled_data", lambda *_, **__: pytest.fail("the data were read first"))
    assert main([*TRAIN, "--model", str(tmp_path / "m"), "--recipe", str(recipe)]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and str(recipe) in err[0] and reason in err[0]
