"""The table of growth: exponents, sizes and units, from stored measurements."""

import json

import pytest

from benchmarks import growth, scale

POINT = {"features": 1.0, "prediction": 2.0, "training": 4.0, "prediction peak": 900.0, "training peak": 1000.0}


def test_a_power_law_has_its_exponent():
    assert growth.exponent([10, 100, 1000], [3.0, 30.0, 300.0]) == pytest.approx(1.0)
    assert growth.exponent([10, 100], [5.0, 5.0]) == pytest.approx(0.0)


def test_a_line_for_each_series(tmp_path, monkeypatch):
    ten = {part: value * (10 if part in growth.TIMES else 1) for part, value in POINT.items()}
    rows = {"1000": {**POINT, "materials": 1000}, "10000": {**ten, "materials": 10_000}}
    atoms = {"10": {**POINT, "materials": 250}, "50": {**POINT, "materials": 500}}
    text = growth.table({"cgcnn": {"rows": rows, "atoms": atoms}})
    first, second = text.splitlines()[2:]
    assert first == (
        "| cgcnn | materials | 1,000, 10,000 | 4, 40; 1.00 | 2, 20; 1.00 | 1, 10; 1.00 "
        "| 1000, 1000; 0.00 | 900, 900; 0.00 |"
    )
    assert "| atoms of a cell | 10, 50 | 16, 8;" in second  # seconds for a thousand cells
    page, points = tmp_path / "page.md", tmp_path / "points.json"
    page.write_text("before\n<!-- growth: written by python -m benchmarks.growth -->\n<!-- end of growth -->\nafter\n")
    points.write_text(json.dumps({"cgcnn": {"rows": rows}}))
    monkeypatch.setattr(scale, "PAGE", page)
    monkeypatch.setattr(growth, "POINTS", points)
    growth.write()
    assert "| cgcnn | materials |" in page.read_text() and page.read_text().endswith("-->\nafter\n")


def test_sizes_that_would_take_too_long_are_left_out(monkeypatch):
    asked = []

    def measured(function, name, what, size):
        asked.append((what, size))
        return {**POINT, "training": 0.1 * size, "materials": size}

    monkeypatch.setattr(growth, "fresh", measured)
    found = growth.point("cgcnn")
    assert asked == [("rows", 1000), ("atoms", 10), ("atoms", 50), ("atoms", 200)]
    assert list(found["rows"]) == ["1000"]
    assert "atoms" not in growth.point("finder") and list(growth.point("esnet")["rows"]) == ["90", "180", "360"]
