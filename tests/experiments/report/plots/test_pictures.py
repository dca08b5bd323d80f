"""Parity plots and learning curves: every point in its place, and a sentence for who cannot see it."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from common.data.predictions import Predictions
from experiments.analyses.results import ModelResult
from experiments.report import document
from experiments.report.plots import canvas, pictures


def result(target, prediction, records=({},), **more):
    made = Predictions(np.arange(len(target)).astype(str), np.array(prediction), np.array(target), unit="eV")
    seeds = list(range(len(records)))
    model = ModelResult("net", {"MAE": np.ones(1)}, {}, seeds=seeds, stored=[(made, r) for r in records])
    runs = [SimpleNamespace(seed=seed) for seed in seeds]
    return document.Result("p", "t", "real", "gap", model, "MAE", "eV", runs, None, **more)


def places(d):
    return [tuple(map(float, pair)) for pair in re.findall(r"[ML](\S+?) (\S+?)(?=[hLM]|$)", d)]


def test_a_dot_lies_where_its_numbers_say():
    panel = pictures.parity(result([0.0, 5.0, 10.0], [0.0, 10.0, 10.0])).panels[0]
    kind, d = panel.paths[1]
    assert kind == "dots"
    low, high, above = places(d)[0], places(d)[-1], places(d)[1]
    assert low[0] == pytest.approx(canvas.SIDE - low[1]) and high[0] == pytest.approx(canvas.SIDE - high[1])
    assert above[0] == pytest.approx(canvas.SIDE / 2) and above[1] == pytest.approx(high[1])
    assert 0 < low[0] < above[0] < high[0] < canvas.SIDE
    ticks = dict((text, at) for at, text in panel.x_ticks)
    assert ticks["0"] == pytest.approx(low[0], abs=0.1) and ticks["5"] == pytest.approx(above[0], abs=0.1)


def test_many_points_become_squares_that_cover_them_all():
    generator = np.random.default_rng(0)
    target = generator.normal(size=5000)
    drawn = pictures.parity(result(target, target + generator.normal(size=5000) / 10))
    shades = {kind: d for kind, d in drawn.panels[0].paths[1:]}
    assert list(shades) == [f"shade shade-{n}" for n in range(1, 6)]
    side = canvas.SIDE / pictures.SQUARES
    covered = np.zeros((pictures.SQUARES, pictures.SQUARES), dtype=int)
    for d in shades.values():
        for x, y, across in re.findall(r"M(\S+) (\S+?)h(\S+?)v", d):
            row, start, width = round(float(y) / side), round(float(x) / side), round(float(across) / side)
            covered[row, start : start + width] += 1
    assert covered.max() == 1
    scale = canvas.Scale(*_ends(drawn))
    at = np.minimum((scale(target) / side).astype(int), pictures.SQUARES - 1)
    assert all(covered[:, k].any() for k in np.unique(at)) and len(str(drawn)) < 20_000


def _ends(drawn):
    """The ends of an axis from two of its ticks."""
    (a, one), (b, other) = [(at, float(t.replace("−", "-"))) for at, t in drawn.panels[0].x_ticks][:2]
    step = (other - one) / (b - a)
    return one - a * step, one + (canvas.SIDE - a) * step


def test_curves_and_constant_predictions():
    drawn = pictures.parity(result([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]))
    assert len(places(drawn.panels[0].paths[1][1])) == 4 and "n\u00a0=\u00a04" in drawn.caption
    flat = pictures.parity(result([2.0, 2.0], [2.0, 2.0]))
    assert places(flat.panels[0].paths[1][1]) == [(canvas.SIDE / 2, canvas.SIDE / 2)]


RECORD = {"best_epoch": 2, "best_validation": 0.4, "resolved": {"recipe": {"monitor": "MAE"}}}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "folder_of", lambda cell: tmp_path / str(cell.seed))
    for seed in (0, 1):
        (tmp_path / str(seed)).mkdir()
    return tmp_path


def test_a_learning_curve_marks_the_chosen_epoch(folders):
    (folders / "0" / "history.csv").write_text("epoch,loss,validation_MAE\n1,100,2\n2,10,0.4\n3,1,0.5\n")
    (folders / "1" / "history.csv").write_text("epoch,loss,validation_MAE\n1,-1,2\n2,-2,0.4\n3,-3,0.5\n")
    both = result([1.0], [1.0], [RECORD, RECORD | {"best_epoch": 3}])
    drawn = pictures.learning_curve(both)
    assert [panel.y_label for panel in drawn.panels] == ["training loss", "validation MAE (eV)"]
    assert drawn.caption == "net: 2 splits, chosen epochs 2 to 3" and "0.4 eV in the mean" in drawn.text
    below = drawn.panels[1]
    curves = [places(d) for kind, d in below.paths if kind == "curve"]
    chosen = places(dict(below.paths)["chosen"])
    assert chosen == [curves[0][1], curves[1][2]]
    assert curves[0][1][1] > curves[0][2][1] > curves[0][0][1]  # the lowest error lies lowest, at the largest y


@pytest.mark.parametrize(
    ("monitor", "label", "words"),
    [
        ("MSE", "validation MSE ((eV)²)", "a validation MSE of 0.4 (eV)² in the mean"),
        # That of scaled targets.
        ("loss", "validation loss", "a validation loss of 0.4 in the mean"),
    ],
)
def test_what_an_epoch_is_judged_by_has_its_own_unit(folders, monitor, label, words):
    (folders / "0" / "history.csv").write_text(f"epoch,loss,validation_{monitor}\n1,100,2\n2,10,0.4\n")
    record = RECORD | {"resolved": {"recipe": {"monitor": monitor}}}
    drawn = pictures.learning_curve(result([1.0], [1.0], [record]))
    assert drawn.panels[1].y_label == label and drawn.panels[1].named_above and words in drawn.text


def test_without_a_validation_part_the_training_loss_is_shown_alone(folders):
    (folders / "0" / "history.csv").write_text("epoch,loss\n1,100\n2,0.4\n")
    drawn = pictures.learning_curve(result([1.0], [1.0], [RECORD]))
    assert [panel.y_label for panel in drawn.panels] == ["training loss"] and drawn.panels[0].x_label == "epoch"
    assert drawn.text.startswith("Training loss of net on gap") and "a training loss of 0.4 in the mean" in drawn.text


def test_a_long_history_is_thinned_and_none_is_none(folders):
    assert pictures.learning_curve(result([1.0], [1.0], [RECORD])) is None
    lines = "\n".join(f"{n},{1 / n},{2 / n}" for n in range(1, 3001))
    (folders / "0" / "history.csv").write_text(f"epoch,loss,validation_MAE\n{lines}\n")
    drawn = pictures.learning_curve(result([1.0], [1.0], [RECORD | {"best_epoch": 2950}]))
    curve = places(dict(drawn.panels[0].paths)["curve"])
    assert len(curve) <= pictures.EPOCHS + 2 and curve[-1][0] == pytest.approx(canvas.SIDE)
    assert drawn.panels[0].y_ticks and len(drawn.panels[0].y_ticks) <= 6


LEARNED = {"source": "mini", "target": "gap"}


def test_errors_against_sizes_are_lines_with_their_names():
    found = []
    for name, errors in (("net", [0.4, 0.2]), ("dummy", [0.8, 0.7]), ("once", [0.3])):
        for size, error in zip((30, 60), errors, strict=False):
            one = result([1.0], [1.0])
            one.model.row, one.model.values = name, {"MAE": np.array([error])}
            one.runs[0].settings = {"split": {"train": size}, **LEARNED}
            found.append(one)
    # All of them, by a cell of another table, whose record has the number.
    whole = result([1.0], [1.0], [RECORD | {"split": {"n_train": 90}}])
    whole.model.row, whole.model.values = "net", {"MAE": np.array([0.1])}
    whole.runs[0].settings = {"split": {}, **LEARNED}
    found.append(whole)
    drawn = pictures.by_size(found)
    panel = drawn.panels[0]
    lines = [places(d) for kind, d in panel.paths if kind == "curve"]
    assert [text for _, _, text in panel.labels] == ["net", "dummy"] and [text for _, text in panel.x_ticks] == [
        "30",
        "60",
        "90",
    ]
    assert lines[0][1][1] > lines[0][0][1] > lines[1][1][1]
    assert panel.labels[0][1] == pytest.approx(lines[0][-1][1] + 3.5, abs=0.1)
    assert "net 0.4 at 30, 0.2 at 60, 0.1 at 90" in drawn.text and "once" not in drawn.text
    one.runs[0].settings = {"split": {}, **LEARNED}
    assert pictures.by_size([one]) is None
