"""A paper outside of the suite: its own folder is all that it takes."""

import json
import os
import subprocess
import sys

import pytest

TABLES = """
paper: toy
own_row: Toy
models:
  toy: {class: "toy.regressor:Toy", needs: [formula]}
rows:
  Toy: {model: toy, config: {units: 4}}
  Toy, longer: {model: toy, recipe: {preset: longer}}
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
FEATURES = '''
import numpy as np

from common.chem.formula import parse_formula


class AtomicNumbers:
    """Mean and largest atomic number of many formulas."""

    def __init__(self, rows):
        self.rows = np.array(rows, dtype=np.float32)

    def batch(self, rows):
        return self.rows[rows]


def atomic_numbers(formula):
    amounts = {number: float(amount) for number, amount in parse_formula(formula).items()}
    return sum(number * amount for number, amount in amounts.items()) / sum(amounts.values()) / 100, max(amounts) / 100
'''
MODEL = """
def build_toy(units):
    from keras import Input, Model, layers

    inputs = Input((2,))
    return Model(inputs, layers.Dense(1)(layers.Dense(units, activation="relu")(inputs)))
"""
REGRESSOR = '''
from dataclasses import dataclass

from common.features.cache import each_formula
from common.train.recipes.recipe import Recipe
from common.train.regressor import Regressor
from toy.features import AtomicNumbers, atomic_numbers
from toy.model import build_toy


@dataclass(frozen=True)
class ToyConfig:
    units: int = 2


class Toy(Regressor):
    """Formula -> two numbers -> two dense layers."""

    name = "toy"
    variants = {"corrected": ToyConfig()}
    recipe = Recipe(epochs=2, batch=32)
    recipes = {"paper": {}, "longer": {"epochs": 3}}

    def features(self, table, jobs=1):
        return each_formula(table, atomic_numbers).map(AtomicNumbers)

    def build(self):
        return build_toy(self.config.units)
'''
FILES = {
    "tables.yaml": TABLES,
    "features.py": FEATURES,
    "model.py": MODEL,
    "regressor.py": REGRESSOR,
    "__init__.py": "",
}


@pytest.fixture
def toy(tmp_path):
    folder = tmp_path / "papers" / "toy"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
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
    assert "3 runs, 0 finished before, 3 to run" in done.stderr and "| Toy, longer " in done.stdout
    assert "| Toy " in command(toy, "tables", "toy").stdout
    assert "1 runs, 1 finished before" in command(toy, "reproduce", "toy", "--only", "Toy").stderr
    wrong = command(toy, "reproduce", "toy", "--only", "Toi")
    assert wrong.returncode == 2 and "unknown row 'Toi'; did you mean 'Toy'?" in wrong.stderr
    for row, units, epochs in (("Toy", 4, 2), ("Toy-longer", 2, 3)):
        (stored,) = toy.parents[1].glob(f"results/mini/toy/table1/band-gap/{row}/seed-0/cell.json")
        used = json.loads(stored.read_text())["resolved"]
        assert (used["config"]["units"], used["recipe"]["epochs"]) == (units, epochs)
