"""The journals of the searches are complete, their README quotes them, and the recipes are what was found best."""

import json
from pathlib import Path

import pytest

from experiments.declare.models import NETWORKS

SEARCHES = Path(__file__).resolve().parents[2] / "experiments/searches"
FOLDERS = sorted(path.parent for path in SEARCHES.glob("*/*/search.json"))
#: Searches whose best trial is a network's recipe.
FAST = [
    "finder-crystal/phonons",
    "profitnet/eps-40",
    "profitnet/gap-exp-40",
    "profitnet/enthalpy-40",
    "cgcnn/gap-exp-120",
    "ogcnn/gap-exp-120",
    "cgcnn-hd/eps-60",
    "roost/eps-60",
    "wren/eps-60",
    "esnet-cnn/2eorr-50",
]


def _name(folder: Path) -> str:
    return folder.relative_to(SEARCHES).as_posix()


def _trials(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "trials.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("folder", FOLDERS, ids=_name)
def test_readme_quotes_every_trial(folder):
    text = (SEARCHES / "README.md").read_text(encoding="utf-8")
    assert f"`{_name(folder)}`" in text
    for trial in _trials(folder):
        assert f"{trial['error']:.4g} " in text


@pytest.mark.parametrize("name", FAST)
def test_a_fast_recipe_is_the_best_trial(name):
    best = min(_trials(SEARCHES / name), key=lambda trial: trial["error"])
    network = NETWORKS[name.partition("/")[0]].load()
    recipe = network(**network.recipes["fast"]).recipe
    settings = {setting: value for setting, value in best["settings"].items() if hasattr(recipe, setting)}
    assert {setting: getattr(recipe, setting) for setting in settings} == settings
    assert recipe.epochs == best["epochs"]
