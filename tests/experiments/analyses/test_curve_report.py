"""Reports of a table and curves: what is printed and drawn of them."""

import json

import numpy as np
import pytest

from common.io.text import as_json
from experiments.analyses import curve_report


def stored(panels: int) -> dict:
    edges = np.linspace(0, 4, 5)
    curves = {"all": curve_report.histogram(np.array([0.5, 1.5, 1.6, 9.0]), edges)}
    drawn = [curve_report.panel(("gap (eV)", "materials (%)"), curves) for _ in range(panels)]
    found = curve_report.report("gaps", ["quantity", "value"], [["mean", "3.15"]], ["a note"], drawn)
    return json.loads(as_json(found))


def test_a_histogram_keeps_what_is_beyond_its_ends():
    centres, shares = stored(1)["panels"][0]["curves"]["all"]
    assert centres == [0.5, 1.5, 2.5, 3.5] and shares == [25, 50, 0, 25]


def test_the_table():
    part = curve_report.table([], {}, {"stored": stored(1)})[0]
    assert (part.title, part.head, part.rows, part.notes) == (
        "gaps",
        ["quantity", "value"],
        [["mean", "3.15"]],
        ["a note"],
    )


@pytest.mark.parametrize("panels", [1, 2, 4])
def test_a_picture_of_panels(tmp_path, panels):
    drawn = list(curve_report.draw([], tmp_path, {"stored": stored(panels)}))
    assert [path.name for path in drawn] == ["curves.png"] and drawn[0].stat().st_size > 1000


def test_what_is_not_run_is_open():
    assert curve_report.table([], {}, {"title": "Figure 1a"})[0].notes == ["Open, not run yet."]
    assert list(curve_report.draw([], None, {})) == []
