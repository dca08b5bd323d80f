"""The notebooks: small, executed without errors, and executable without a data directory."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(path: Path) -> list[dict]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def pictures(cells: list[dict]) -> int:
    return sum("image/png" in output.get("data", {}) for cell in cells for output in cell["outputs"])


def test_there_are_five():
    assert len(NOTEBOOKS) == 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_are_small_and_tell_nothing_of_the_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 1_000_000
    assert re.findall(r"/(?:home|root|tmp|work)/", text) == []
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert pictures(cells) >= 2
    assert all(output["output_type"] != "error" for cell in cells for output in cell["outputs"])
    for cell in cells:
        ast.parse("".join(cell["source"]))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_without_a_data_directory(path, tmp_path):
    if read(path)["metadata"].get("needs") == "gpaw":
        from esnet.dft.backends import BackendMissing
        from esnet.dft.gpaw_backend import gpaw_python

        try:
            gpaw_python()
        except BackendMissing as error:
            pytest.skip(str(error))
    nothing = {name: str(tmp_path / name) for name in ("MATREPRO_DATA", "MATREPRO_MODELS", "MATREPRO_RESULTS")}
    command = [sys.executable, str(ROOT / "docs/run_notebooks.py"), str(path), "--output", str(tmp_path)]
    environment = {**os.environ, **nothing, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert pictures(code_cells(tmp_path / path.name)) == pictures(code_cells(path))


def run(path: Path, cells: list[str]) -> subprocess.CompletedProcess:
    """Execute a notebook of these cells in place."""
    empty = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    made = [{**empty, "source": [text]} for text in cells]
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    command = [sys.executable, str(ROOT / "docs/run_notebooks.py"), str(path)]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True)


def test_the_executor_stores_text_values_and_figures(tmp_path):
    cells = ["import matplotlib.pyplot as plt\nprint('text')\n2 + 2", "3 * 3", "plt.plot([1, 2]);"]
    made = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": [text]}
        for text in cells
    ]
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    command = [sys.executable, str(ROOT / "docs/run_notebooks.py"), str(path)]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    first, second, third = (cell["outputs"] for cell in code_cells(path))
    assert [output["output_type"] for output in first] == ["stream", "execute_result"]
    assert first[0]["text"] == ["text\n"] and first[1]["data"]["text/plain"] == ["4"]
    assert second[0]["data"]["text/plain"] == ["9"] and "image/png" in third[0]["data"]


def test_a_cell_that_fails_ends_with_an_error(tmp_path):
    done = run(tmp_path / "bad.ipynb", ["1 / 0"])
    assert done.returncode != 0 and "ZeroDivisionError" in done.stderr
