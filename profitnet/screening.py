"""Screening of a dataset of any size with saved models (Figure 6).

The dataset is predicted in chunks that are stored on disk, so memory stays constant and an interrupted run resumes. The
summary has the number of negative values, the correlation of any two models with the same unit, and the dielectric
constant against the gap with the Penn relation eps = 1 + (E_p / E_gap)^2, with one fitted constant E_p (Penn's plasmon
energy, up to a factor near one).
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from common import plots
from common.chem.formula import normalize_formula
from common.data import metrics
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import replacing, write_text
from common.io.progress import progress
from common.io.text import as_csv
from common.train.regressor import Regressor

#: Smaller gaps (eV) are left out of the fit of the Penn relation, in which eps diverges.
SMALLEST_GAP = 0.05


def screen(
    models: Mapping[str, Regressor],
    table: MaterialsDataset,
    folder: str | Path,
    *,
    eps: str = "",
    gap: str = "",
    jobs: int = 1,
    chunk: int = 2000,
) -> dict:
    """Predict `table` with every model; write predictions.csv.gz, failed.csv, summary.json and figures.

    `eps` and `gap` name the two models of the Penn plot. Returns the summary.
    """
    folder = Path(folder)
    for name in filter(None, (eps, gap)):
        if name not in models:
            raise UserError(f"unknown model {name!r}; choose one of {', '.join(models)}")
    _claim(folder, models, table, chunk)
    starts = range(0, len(table), chunk)
    for start in progress(starts, desc="screening", unit="chunk"):
        path = folder / "chunks" / f"{start:09d}.csv"
        if not path.exists():
            rows = table.take(np.arange(start, min(start + chunk, len(table))))
            write_text(path, _chunk(models, rows, jobs))
    values, failed = _gather(folder, models, starts)
    summary = _summary(models, values, failed, eps, gap)
    write_text(folder / "failed.csv", as_csv(["id", "reason"], failed))
    write_text(folder / "summary.json", json.dumps(summary, indent=1))
    _draw(folder, models, values, summary, eps, gap)
    return summary


def penn_energy(gap: np.ndarray, eps: np.ndarray) -> float | None:
    """E_p (eV) of eps = 1 + (E_p / gap)^2, fitted to log(eps - 1), so that large eps do not dominate."""
    fitted = (gap > SMALLEST_GAP) & (eps > 1.0)
    if not fitted.any():
        return None
    return float(np.exp(np.mean(np.log(gap[fitted]) + 0.5 * np.log(eps[fitted] - 1.0))))


def _claim(folder: Path, models: Mapping[str, Regressor], table: MaterialsDataset, chunk: int) -> None:
    """Refuse a folder with the screening of other models or another dataset."""
    ids = hashlib.sha256("\n".join(table.ids).encode()).hexdigest()[:16]
    identities = {name: [m.settings(), m.target, _weights(m)] for name, m in models.items()}
    wanted = json.dumps({"ids": ids, "chunk": chunk, "models": identities}, sort_keys=True)
    path = folder / "screening.json"
    if path.exists() and path.read_text() != wanted:
        raise UserError(f"{folder} contains another screening; choose another folder or delete it")
    write_text(path, wanted)


def _weights(model: Regressor) -> str:
    sha = hashlib.sha256()
    for array in model.model.get_weights():
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()[:16]


def _chunk(models: Mapping[str, Regressor], table: MaterialsDataset, jobs: int) -> str:
    """CSV with id, formula, one column per model, and the reason if a material has no prediction."""
    columns, reasons = [], {}
    for model in models.values():
        predicted = model.predict(table, jobs=jobs, bar=False)
        values = dict(zip(predicted.ids.tolist(), predicted.prediction.tolist(), strict=True))
        columns.append([f"{values[name]:.6g}" if name in values else "" for name in table.ids.tolist()])
        reasons |= model.left_out
    names = table.ids.tolist()
    formulas = [normalize_formula(text) for text in table.formulas.tolist()]
    rows = zip(names, formulas, *columns, [reasons.get(n, "") for n in names], strict=True)
    return as_csv(["id", "formula", *models, "reason"], list(rows))


def _gather(folder: Path, models: Mapping[str, Regressor], starts: range):
    """Join the chunks into predictions.csv.gz; returns values (n,) by model, and failures as (id, reason)."""
    columns, failed = [[] for _ in models], []
    heads = [f"{name} ({m.unit})" if m.unit and m.unit != "1" else name for name, m in models.items()]
    with (
        replacing(folder / "predictions.csv.gz") as temporary,
        open(temporary, "wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "formula", *heads])
        for start in starts:
            with open(folder / "chunks" / f"{start:09d}.csv", newline="") as chunk:
                reader = csv.reader(chunk)
                next(reader)
                for name, formula, *numbers, reason in reader:
                    if reason:
                        failed.append([name, reason])
                        continue
                    writer.writerow([name, formula, *numbers])
                    for column, number in zip(columns, numbers, strict=True):
                        column.append(float(number))
    return {name: np.array(c) for name, c in zip(models, columns, strict=True)}, failed


def _summary(models: Mapping[str, Regressor], values: dict, failed: list, eps: str, gap: str) -> dict:
    reasons: dict[str, int] = {}
    for name, reason in failed:
        reason = reason.removeprefix(f"{name}: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    summary = {
        "predicted": len(next(iter(values.values()))),
        "failed": len(failed),
        "failed_by_reason": reasons,
        "models": {
            name: {
                "target": model.target,
                "unit": model.unit,
                "negative": int((values[name] < 0).sum()),
                "median": float(np.median(values[name])) if len(values[name]) else None,
            }
            for name, model in models.items()
        },
        "pearson": {
            f"{first} and {second}": metrics.pearson(values[first], values[second])
            for first, second in itertools.combinations(models, 2)
            if models[first].unit == models[second].unit and len(values[first])
        },
    }
    if eps and gap:
        summary["penn_energy_eV"] = penn_energy(values[gap], values[eps])
    return summary


def _draw(folder: Path, models: Mapping[str, Regressor], values: dict, summary: dict, eps: str, gap: str) -> None:
    if not summary["predicted"]:
        return
    for pair in summary["pearson"]:
        first, second = pair.split(" and ")
        path = folder / f"{first}-{second}.png"
        plots.parity(path, values[first], values[second], unit=models[first].unit, labels=(first, second))
    if eps and gap:
        draw_penn(folder / "penn.png", values[gap], values[eps])


def draw_penn(path: Path, gap: np.ndarray, eps: np.ndarray) -> None:
    """The dielectric constant against the gap (eV) with the Penn relation (Figure 6a)."""
    energy = penn_energy(gap, eps)
    top = max(float(np.quantile(eps, 0.999)), 2.0)
    right = max(float(np.quantile(gap, 0.999)), 1.0)
    window = (min(0.0, float(gap.min())), 1.02 * right, 1.0, 1.1 * top)
    curve = None
    if energy is not None:
        x = np.linspace(energy / (1.1 * top) ** 0.5, 1.02 * right, 200)
        curve = (x, 1 + (energy / x) ** 2, f"Penn, $E_p$ = {energy:.1f} eV")
    plots.scatter(
        path,
        gap,
        eps,
        labels=("predicted gap (eV)", "predicted dielectric constant"),
        window=window,
        curve=curve,
        corner=f"n = {len(gap):,}\nnegative gaps: {int((gap < 0).sum()):,}",
        log_y=True,
    )
