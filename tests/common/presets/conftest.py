"""A small trained model, as a folder and as a preset."""

import numpy as np
import pytest

from common.data.splits import by_fractions, with_calibration
from common.presets.store import write_preset
from common.train.ensemble import Ensemble
from finder.rescnn import ResCNN

FACTS = {
    "paper": "A. Author, A journal, 2021",
    "package": "finder",
    "dataset": {"name": "mini", "rows": 336, "source": "the Materials Project", "licence": ""},
    "split": "8:1:1",
    "errors": [{"model": "rescnn", "MAE": 0.5, "source": "a fold"}, {"model": "dummy", "MAE": 1.0}],
    "coverage": {"level": 0.9, "measured": 0.91, "n": 30, "median_width": 2.0},
    "limits": ["ordered materials"],
}


@pytest.fixture(scope="session")
def split(mini):
    return with_calibration(by_fractions(mini, (8, 1, 1)), mini, 0.1)


@pytest.fixture(scope="session")
def trained(mini, split):
    return ResCNN(epochs=8, batch=32, learning_rate=1e-3).fit(mini, "formation_energy", split)


@pytest.fixture(scope="session")
def ensemble(mini, split):
    return Ensemble(lambda seed: ResCNN(epochs=1, batch=32, seed=seed), 2).fit(mini, "formation_energy", split)


@pytest.fixture(scope="session")
def model_folder(trained, tmp_path_factory):
    return trained.save(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def preset(trained, tmp_path_factory):
    return write_preset(trained, tmp_path_factory.mktemp("presets") / "rescnn-energy", FACTS)


@pytest.fixture
def installed(preset, monkeypatch):
    monkeypatch.setenv("MATREPRO_MODELS", str(preset.parent))
    return preset.name


@pytest.fixture
def copy(preset, tmp_path):
    folder = tmp_path / preset.name
    folder.mkdir()
    for file in preset.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture(scope="session")
def every_fourth(mini):
    return mini.take(np.arange(0, 336, 4))
