"""Pictures are written whole, in the form that their name says, and mark what they claim to mark."""

import re

import numpy as np
import pytest

from common import plots
from common.errors import UserError
from common.plots import fonts

X = np.linspace(0.1, 5.0, 60)
HISTORY = "epoch,loss,validation_MAE,validation_MSE,seconds\n1,9,3.0,12,1\n2,4,1.5,5,2\n3,2,1.5,4,3\n4,1,2.0,6,4\n"

DRAW = {
    "parity": lambda path: plots.parity(path, X, X + 0.3, unit="eV", name="a model"),
    "parity of many": lambda path: plots.parity(path, np.tile(X, 100), np.tile(X, 100) * 1.1, unit="eV"),
    "histogram": lambda path: plots.error_histogram(path, X, X + np.sin(9 * X), unit="eV"),
    "heat map": lambda path: plots.heat_map(path, np.outer(X[:4], X[:4]), list("abcd"), text="{:.1f}"),
    "bars": lambda path: plots.bars(path, ["one", "two"], [1.0, 2.0], label="MAE (eV)"),
    "scatter": lambda path: plots.scatter(
        path, X, 1 + X, labels=("gap (eV)", "eps"), window=(0, 5, 1, 7), curve=(X, 2 + X, "curve"), log_y=True
    ),
}


@pytest.mark.parametrize("name", DRAW)
def test_a_png_is_large_enough_to_read_and_not_empty(name, tmp_path):
    path = tmp_path / "picture.png"
    DRAW[name](path)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
    assert 400 < width < 3000 and 200 < height < 3000
    assert len(data) > 5000
    assert [p.name for p in tmp_path.iterdir()] == ["picture.png"]


@pytest.mark.parametrize("name", DRAW)
def test_an_svg_keeps_its_text_and_is_the_same_each_time(name, tmp_path):
    for file in ("one.svg", "two.svg"):
        DRAW[name](tmp_path / file)
    text = (tmp_path / "one.svg").read_text()
    assert "<text" in text
    assert text == (tmp_path / "two.svg").read_text()


def test_the_corner_of_a_parity_plot_tells_the_error_with_its_unit(tmp_path):
    plots.parity(tmp_path / "p.svg", X, X + 0.25, unit="eV/atom")
    text = re.sub(r"<[^>]+>", " ", (tmp_path / "p.svg").read_text())
    assert "MAE 0.25 eV/atom" in text and "n = 60" in text and "prediction (eV/atom)" in text


@pytest.mark.parametrize(("monitor", "best"), [("MAE", 2), ("MSE", 3)])
def test_the_learning_curve_marks_the_first_best_epoch(monitor, best, tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    path = tmp_path / "curve.svg"
    assert plots.learning_curve(path, tmp_path / "history.csv", unit="eV", monitor=monitor) == best
    assert f"best: epoch {best}" in re.sub(r"<[^>]+>", " ", path.read_text())


def test_without_validation_the_loss_decides(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss,seconds\n1,3,1\n2,1,2\n3,2,3\n")
    assert plots.learning_curve(tmp_path / "curve.png", tmp_path / "history.csv") == 2


def test_what_cannot_be_drawn_is_said_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"written as \.png or \.svg"):
        plots.parity(tmp_path / "p.jpg", X, X)
    (tmp_path / "history.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no history of a training run"):
        plots.learning_curve(tmp_path / "c.png", tmp_path / "history.csv")
    with pytest.raises(UserError, match="cannot be read"):
        plots.learning_curve(tmp_path / "c.png", tmp_path / "absent.csv")
    assert not list(tmp_path.glob("*.png"))


def test_ours_and_reported_bars_have_two_colours(tmp_path):
    path = tmp_path / "bars.svg"
    plots.bars(path, ["one", "two"], [1.0, 2.0], label="MAE", reference=[1.5, np.nan], series=("ours", "reported"))
    text = path.read_text()
    # Two bars and a key of ours, one bar and a key of the reported values.
    assert text.count(f"fill: {plots.BLUE}") == 3 and text.count(f"fill: {plots.AMBER}") == 2
    assert ">ours<" in text and ">reported<" in text
    plots.bars(path, ["one"], [1.0], label="MAE", reference=[np.nan])
    assert plots.AMBER not in path.read_text()


def test_names_that_no_font_has_are_transliterated_in_a_png_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("common.plots.fonts._font_with", lambda characters: "")
    assert fonts.transliterated("硬度 тест モデル") == "[U+786C][U+5EA6] тест moderu"
    for file in ("one.png", "two.svg"):
        plots.parity(tmp_path / file, X, X, name="硬度")
    assert capsys.readouterr().err.count("transliterated") == 1
    assert "硬度" in (tmp_path / "two.svg").read_text()
