"""The journals of the searches are complete, their README quotes them, and the recipes are what was found best."""

import json
from pathlib import Path

import pytest

from finder.regressor import CrystalFinder
from profitnet.regressor import PROFiTNet

SEARCHES = Path(__file__).resolve().parents[2] / "experiments/searches"
FOLDERS = sorted(path.parent for path in SEARCHES.glob("*/search.json"))
#: Searches whose best trial is a network's recipe.
FAST = {
    "finder-crystal-phonons": CrystalFinder,
    "profitnet-eps-40": PROFiTNet,
    "profitnet-gap-exp-40": PROFiTNet,
    "profitnet-enthalpy-40": PROFiTNet,
}


def _trials(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "trials.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_readme_quotes_every_trial(folder):
    text = (SEARCHES / "README.md").read_text(encoding="utf-8")
    assert f"`{folder.name}`" in text
    for trial in _trials(folder):
        assert f"{trial['error']:.4g} " in text


@pytest.mark.parametrize("name", FAST)
def test_a_fast_recipe_is_the_best_trial(name):
    best = min(_trials(SEARCHES / name), key=lambda trial: trial["error"])
    network = FAST[name]
    recipe = network(**network.recipes["fast"]).recipe
    assert all(getattr(recipe, setting) == value for setting, value in best["settings"].items())
    assert recipe.epochs == best["epochs"]
