"""Readers of declarations, stored results, searches and lists of calculations."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import yaml

from common.tuning.journal import Journal
from esnet.dft.batch_folder import read_jobs
from experiments.declare import folders, located_yaml
from experiments.declare.read import read_declaration
from experiments.presets.declared import declared
from experiments.run import store
from tests.experiments.conftest import DECLARED, REPORTED
from tests.robustness.reader import Reader

RECORD = {
    "digest": "00", "unit": "eV", "wall_seconds": 1.5, "left_out": {}, "versions": {"keras": "3"},
    "split": {"digest": "00", "n_test": 3}, "data": {"digest": "00", "rows": 9},
    "device": {"processor": "x", "cores": "2", "threads": 1},
}  # fmt: skip
TRIAL = {"number": 1, "settings": {"epochs": 3}, "error": 0.5, "reason": "", "best_epoch": 1, "epochs": 3}
JOB = {"id": "a", "numbers": [11, 17], "lattice": [[4, 0, 0], [0, 4, 0], [0, 0, 4]], "frac": [[0, 0, 0], [0.5] * 3]}
PRESETS = {"one": {"package": "finder", "network": "finder", "source": "mini", "target": "gap", "limits": ["none"]}}


def _declaration(path: Path) -> None:
    folders.raw.cache_clear()
    read_declaration(path.parent, lambda paper: path.parent)


def _record(path: Path) -> None:
    os.environ["MATREPRO_RESULTS"] = str(path.parent.parent)
    store.read_record(SimpleNamespace(key=path.parent.name))


def _lines(one: dict) -> str:
    """Three lines that differ in their first entry, a number or a name."""
    key, value = next(iter(one.items()))
    return "".join(json.dumps({**one, key: type(value)(k)}) + "\n" for k in (1, 2, 3))


DECLARED_READERS = (
    Reader("tables.yaml", lambda p: p.write_text(yaml.safe_dump(DECLARED, sort_keys=False)), _declaration),
    Reader("reported.yaml", lambda p: p.write_text(yaml.safe_dump({"tables": REPORTED})), located_yaml.read),
    Reader("presets.yaml", lambda p: p.write_text(yaml.safe_dump(PRESETS)), declared),
    Reader("cell.json", lambda p: p.write_text(json.dumps(RECORD)), _record),
    Reader("trials.jsonl", lambda p: p.write_text(_lines(TRIAL)), lambda p: Journal(p.parent, {})),
    Reader("open.json", lambda p: p.write_text(json.dumps({"1": {"epochs": 3}})), lambda p: Journal(p.parent, {})),
    Reader("jobs.jsonl", lambda p: p.write_text(_lines(JOB)), lambda p: read_jobs(p.parent)),
)
