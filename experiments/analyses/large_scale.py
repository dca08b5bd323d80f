"""Figure 6 and Table S11 of PROFiT-Net: predictions for unlabeled materials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from common.data.metrics import pearson
from common.data.predictions import Predictions
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.text_table import TextTable
from profitnet.screening import draw_penn

EXTRA, OWN = "screened", "PROFiT-Net"


def agreement(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """r with PROFiT-Net and the share of negative values of every model, beside the paper's."""
    made = []
    for dataset in datasets:
        found = screened(dataset)
        if not found:
            made.append(TextTable.not_run(dataset.name))
            continue
        r_of = {row: cell.get(dataset.name, {}) for row, cell in _rows(printed, "pearson_R_vs_PROFiT-Net").items()}
        n_of = _rows(printed, "negative_gap_counts") if dataset.name == declared.get("gap") else {}
        head = ["model", "materials", f"r with {OWN}", "negative (%)"]
        head += ["paper's r"] if r_of else []
        head += ["paper's negative (%)"] if n_of else []
        rows = []
        for row, predicted in found.items():
            share = 100 * float((predicted.prediction < 0).mean())
            cells = [row, f"{len(predicted):,}", _with_own(found, row), f"{share:.2f}"]
            cells += [_number(r_of.get(row, {}).get("value"))] if r_of else []
            cells += [_share(n_of, row, printed)] if n_of else []
            rows.append(cells)
        notes = [f"{declared['screened'][:1].upper()}{declared['screened'][1:]}."]
        if OWN not in found:
            notes.append(f"Open, not run yet: {OWN}, with which the others are compared.")
        made.append(TextTable(dataset.name, head, rows, notes))
    return made


def draw(datasets: Sequence[DatasetPredictions], folder: Path, declared: dict) -> Iterator[Path]:
    """Figure 6a: the dielectric constant against the gap by PROFiT-Net, where it has predicted both."""
    found = {dataset.name: screened(dataset).get(OWN) for dataset in datasets}
    pair = [found.get(declared.get(name)) for name in ("eps", "gap")]
    if None not in pair:
        eps, gap = _common(*pair)
        path = folder / "eps-against-gap.png"
        draw_penn(path, gap, eps)
        yield path


def screened(dataset: DatasetPredictions) -> dict[str, Predictions]:
    return {name: row.extra[EXTRA] for name, row in dataset.models.items() if EXTRA in row.extra}


def _with_own(found: dict[str, Predictions], row: str) -> str:
    """r over the materials that both have predicted; a constant correlates with nothing."""
    if OWN not in found or row == OWN:
        return "1" if row == OWN else "open"
    r = correlation(found, row)
    return f"{r:.3f}" if np.isfinite(r) else "none, constant"


def correlation(found: dict[str, Predictions], row: str) -> float:
    return pearson(*_common(found[OWN], found[row]))


def _common(one: Predictions, other: Predictions) -> tuple[np.ndarray, np.ndarray]:
    place = {name: row for row, name in enumerate(other.ids.tolist())}
    pairs = [(a, place[name]) for a, name in enumerate(one.ids.tolist()) if name in place]
    first, second = np.array(pairs).T
    return one.prediction[first], other.prediction[second]


def _rows(printed: dict, table: str) -> dict:
    return printed.get(table, {}).get("rows", {})


def _share(counts: dict, row: str, printed: dict) -> str:
    if row not in counts:
        return ""
    return f"{100 * counts[row]['n_negative']['value'] / printed['negative_gap_counts']['n_total']:.2f}"


def _number(value) -> str:
    """The printed number; "not stated" where the article speaks of it without giving it."""
    return "" if value is None else str(value)
