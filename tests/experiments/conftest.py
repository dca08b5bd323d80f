"""A declaration of a tiny paper, in place of the real ones, and a folder of its own for results."""

import pytest
import yaml

from experiments.declare import plan
from experiments.run import runner

DECLARED = {
    "paper": "tiny",
    "own_row": "net",
    "rows": {
        "net": {"model": "ofmcnn", "variant": "corrected", "reported": "Net"},
        "dummy": {"model": "dummy"},
        "peer": {"open": "comes later", "reported": "Peer"},
    },
    "tables": {
        "one": {
            "title": "Table 1",
            "metrics": ["MAE", "MSE"],
            "scales": {
                "mini": {
                    "split": {"kind": "fractions", "shares": [6, 2, 2]},
                    "recipe": {"epochs": 1},
                    "columns": {"gap (mini)": {"source": "mini", "target": "band_gap", "seeds": [0, 1]}},
                },
                "real": {
                    "split": {"kind": "formula", "shares": [6, 2, 2]},
                    "recipe": {"epochs": 1},
                    "columns": {
                        "gap": {
                            "source": "mini",
                            "target": "band_gap",
                            "seeds": [0, 1],
                            "reported": "gap",
                            "bands": {"dummy": [0.1, 5.0]},
                            "notes": ["A note."],
                        },
                        "away": {"open": "no source", "reported": "away"},
                    },
                    "seeds": {"net": [0]},
                },
            },
        }
    },
}
REPORTED = {
    "gap": {"unit": "eV", "rows": {"Net": {"MAE": {"value": 0.5}}, "Peer": {"MAE": {"value": "not stated"}}}},
    "away": {"unit": "eV", "rows": {"Net": {"MAE": {"value": 0.25}}}},
}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The declaration as a dictionary that a test may change; results go to the folder that `results_root` names."""
    home = tmp_path / "papers"
    (home / "tiny").mkdir(parents=True)
    (home / "tiny" / "tables.yaml").write_text(yaml.safe_dump(DECLARED, sort_keys=False))
    (home / "tiny" / "reported.yaml").write_text(yaml.safe_dump({"tables": REPORTED}))
    monkeypatch.setattr(plan, "PAPERS", home)
    monkeypatch.setenv("MATREPRO_RESULTS", str(tmp_path / "results"))
    plan.declaration.cache_clear()
    plan.reported.cache_clear()
    yield plan.declaration("tiny")
    plan.declaration.cache_clear()
    plan.reported.cache_clear()


@pytest.fixture
def stored(tiny):
    """Two finished cells of the tiny paper."""
    cells = [cell for cell in plan.runs("tiny", "one", "real") if cell.row == "dummy"]
    for cell in cells:
        runner.execute(cell)
    return cells
