"""A paper outside of the suite: its own folder is all that it takes."""

import os
import subprocess
import sys

import pytest

TABLES = """
paper: toy
own_row: Toy
models:
  toy: {class: "toy.model:ToyModel", needs: [formula], network: false}
rows:
  Toy: {model: toy, config: {shift: 0.5}}
  dummy: {model: dummy}
tables:
  table1:
    title: A toy
    metrics: [MAE]
    scales:
      mini:
        split: {kind: fractions, shares: [6, 2, 2]}
        columns:
          band gap: {source: mini, target: band_gap, seeds: [0]}
"""
MODEL = '''
from common.baselines.classical import Median


class ToyModel(Median):
    """The median, moved by a fixed amount."""

    name = "toy"

    def __init__(self, *, seed=0, shift=0.0):
        super().__init__(seed=seed)
        self.shift = shift

    def settings(self):
        return {**super().settings(), "shift": self.shift}

    def _predict(self, x):
        return super()._predict(x) + self.shift
'''


@pytest.fixture
def toy(tmp_path):
    folder = tmp_path / "papers" / "toy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "model.py").write_text(MODEL)
    (folder / "tables.yaml").write_text(TABLES)
    return folder


def command(toy, *words):
    environment = os.environ | {
        "MATREPRO_PAPERS": str(toy.parent),
        "MATREPRO_RESULTS": str(toy.parents[1] / "results"),
    }
    words = [sys.executable, "-m", "experiments.cli.main", *words]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_its_table_is_run_and_printed_by_the_commands_of_the_suite(toy):
    done = command(toy, "reproduce", "toy", "table1")
    assert done.returncode == 0, done.stderr
    assert "2 runs, 0 finished before, 2 to run" in done.stderr and "| Toy " in done.stdout
    assert "| Toy " in command(toy, "tables", "toy").stdout
    assert "1 runs, 1 finished before" in command(toy, "reproduce", "toy", "--only", "Toy").stderr
    wrong = command(toy, "reproduce", "toy", "--only", "Toi")
    assert wrong.returncode == 2 and "unknown row 'Toi'; did you mean 'Toy'?" in wrong.stderr
