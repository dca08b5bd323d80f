"""A contribution to the JARVIS leaderboard: predictions as zipped CSV, metadata.json, run.sh."""

from __future__ import annotations

import json
import platform
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import __version__
from common.data.predictions import Predictions
from common.errors import UserError
from common.io.files import replacing, write_text
from common.io.text import as_csv

METADATA, PROGRAM = "metadata.json", "run.sh"
#: Category, task, property, dataset, set and metric, separated by hyphens.
BENCHMARK = re.compile(r"AI-SinglePropertyPrediction-[A-Za-z0-9_]+-[A-Za-z0-9_]+-(test|val)-(mae|rmse)")


def write(
    folder: str | Path, predictions: Mapping[str, Predictions], facts: Mapping[str, Any], commands: list[str]
) -> list[Path]:
    """Write a contribution; predictions: by the name of their benchmark; facts: entries of metadata.json."""
    folder, paths = Path(folder), []
    for name, predicted in predictions.items():
        paths.append(folder / f"{check_name(name)}.csv.zip")
        rows = zip(predicted.ids.tolist(), (f"{value:.9g}" for value in predicted.prediction), strict=True)
        with replacing(paths[-1]) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            # A fixed time, so that equal predictions give equal bytes.
            archive.writestr(zipfile.ZipInfo(f"{name}.csv"), as_csv(["id", "prediction"], list(rows)))
    write_text(folder / METADATA, json.dumps(metadata([path.name for path in paths], facts), indent=4) + "\n")
    write_text(folder / PROGRAM, "\n".join(["#!/bin/sh", "set -e", *commands]) + "\n")
    return [*paths, folder / METADATA, folder / PROGRAM]


def metadata(files: list[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_name": "matrepro",
        "project_url": "",
        "date_submitted": datetime.now(UTC).strftime("%m-%d-%Y"),
        "author_email": "",
        "database_version": "",
        "team_name": "matrepro",
        "time_taken_seconds": dict.fromkeys(files, ""),
        "language": "python",
        "os": platform.system().lower(),
        "software_used": f"matrepro {__version__}, keras, tensorflow",
        "hardware_used": platform.machine(),
        "git_url": [],
        **facts,
    }


def check_name(name: str) -> str:
    """The name of a benchmark, as the leaderboard's files have it."""
    name = name.removesuffix(".zip").removesuffix(".csv")
    if not BENCHMARK.fullmatch(name):
        raise UserError(
            f"{name!r} is not a benchmark of a single property; write it as "
            "AI-SinglePropertyPrediction-formation_energy_peratom-dft_3d-test-mae"
        )
    return name


def expected_ids(path: str | Path, name: str) -> set[str]:
    """The ids of a benchmark's file, such as dft_3d_formation_energy_peratom.json.zip, in the set that is scored."""
    part = name.rsplit("-", 2)[1]
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read(archive.namelist()[0]))[part]
        return set(map(str, found))
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(f"{path} is no benchmark file of the JARVIS leaderboard ({error}); name a .json.zip") from None


def check_ids(predicted: Predictions, expected: set[str], name: str) -> None:
    """Refuse predictions for other materials than those that are scored."""
    there = set(predicted.ids.tolist())
    for what, ids in (("lack", expected - there), ("have the unknown id", there - expected)):
        if ids:
            raise UserError(f"{name}: the predictions {what} {min(ids)}; predict the {len(expected)} of the benchmark")
