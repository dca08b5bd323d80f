"""Rank candidates with predicted formation energies by their distance from the convex hull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from common.chem.elements import SYMBOLS
from common.chem.formula import parse_formula
from common.errors import UserError
from common.io.files import write_text
from common.io.text import as_csv, as_json
from esnet.screening import figures
from esnet.screening.hull import PhasePool
from esnet.screening.thresholds import (
    C_PRE,
    PAPER_OPTIMUM,
    STABLE,
    STEP,
    Scan,
    below,
    confusion,
    counts,
    evaluate,
    funnel,
)

HEADER = ["rank", "id", "formula", "E_f (eV/atom)", "E_hull (eV/atom)", "decision", "hull there"]
KNOWN = ["E_f known (eV/atom)", "E_hull known (eV/atom)", "stable"]


@dataclass
class Candidates:
    """Ids, formulas and predicted formation energies (n,) in eV/atom; optionally known ones, NaN where unknown.

    left_out: id -> reason for candidates that cannot be ranked.
    """

    ids: Sequence[str]
    formulas: Sequence[str]
    energies: np.ndarray
    known: np.ndarray | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    def usable(self) -> Candidates:
        """The candidates with a valid formula and energy; the others are added to `left_out`."""
        used, left_out = [], dict(self.left_out)
        for row, (name, formula, energy) in enumerate(zip(self.ids, self.formulas, self.energies, strict=True)):
            if name in left_out:
                continue
            try:
                parse_formula(formula)
                if not np.isfinite(energy):
                    raise UserError("has no predicted formation energy; fill it in or delete the row")
                used.append(row)
            except UserError as error:
                left_out[name] = str(error)
        known = None if self.known is None else np.asarray(self.known, dtype=float)[used]
        return Candidates(
            [self.ids[row] for row in used],
            [self.formulas[row] for row in used],
            np.asarray(self.energies, dtype=float)[used],
            known,
            left_out,
        )


def rank(
    candidates: Candidates,
    pool: PhasePool,
    folder: str | Path,
    *,
    thresholds: tuple[float, float] = PAPER_OPTIMUM,
    step: float = STEP,
    c_pre: float = C_PRE,
    pictures: bool = True,
) -> dict:
    """Write ranked.csv, summary.json and pictures into `folder`; returns the summary.

    Candidates with known energies are scored at these thresholds and over the grid, with `c_pre` CPU seconds per
    prediction (equation 4).
    """
    one = candidates.usable()
    if not one.ids:
        reason = next((f": {name}: {text}" for name, text in one.left_out.items()), "")
        raise UserError(f"no candidate can be ranked{reason}")
    hulls = pool.e_hull(one.formulas, one.energies)
    summary = {
        "candidates": len(one.ids),
        "left_out": one.left_out,
        "phases in the pool": len(pool),
        "elements without a phase in the pool": _missing_elements(one.formulas, pool),
        "thresholds": {"E_f (eV/atom)": thresholds[0], "E_hull (eV/atom)": thresholds[1]},
    }
    truth, known_hulls, scanned = None, None, None
    if one.known is not None and np.isfinite(one.known).any():
        known_hulls = pool.e_hull(one.formulas, one.known)
        truth = below(one.known, known_hulls, STABLE)
        report, scanned = _scored(one, hulls, known_hulls, truth, thresholds, step, c_pre)
        summary["known values"] = report
    stages = funnel(one.energies, hulls, truth, thresholds)
    summary["funnel"] = counts(stages)
    folder = Path(folder)
    write_text(folder / "ranked.csv", _table(one, hulls, known_hulls, truth, pool, thresholds))
    if pictures:
        summary["pictures"] = figures.screening(folder, one.formulas, stages, scanned)
    write_text(folder / "summary.json", as_json(summary))
    return summary


def _missing_elements(formulas: Sequence[str], pool: PhasePool) -> list[str]:
    """Elements of candidates that are missing from the pool, whose E_hull is therefore too low."""
    elements = {z for formula in set(formulas) for z in parse_formula(formula)}
    return [SYMBOLS[z] for z in sorted(elements - pool.elements)]


def _scored(
    one: Candidates, hulls: np.ndarray, known_hulls: np.ndarray, truth: np.ndarray, thresholds, step, c_pre
) -> tuple[dict, Scan | None]:
    rows = np.isfinite(one.known)
    chosen = confusion(truth[rows], below(one.energies, hulls, thresholds)[rows], c_pre=c_pre)
    if not truth.any():
        return {"materials": int(rows.sum()), "stable": 0, "these thresholds": chosen}, None
    report, scanned = evaluate(
        one.known[rows], known_hulls[rows], one.energies[rows], hulls[rows], step=step, c_pre=c_pre
    )
    return {**report, "these thresholds": chosen}, scanned


def _table(one: Candidates, hulls, known_hulls, truth, pool: PhasePool, thresholds: tuple[float, float]) -> str:
    """Candidates that pass both thresholds first, then by E_hull."""
    passes = below(one.energies, hulls, thresholds)
    rows = []
    for place, row in enumerate(np.lexsort((hulls, ~passes)).tolist(), 1):
        low = one.energies[row] <= thresholds[0]
        decision = "relax" if passes[row] else "E_hull too high" if low else "E_f too high"
        mixture = sorted(pool.decomposition(one.formulas[row])[1].items(), key=lambda part: -part[1])
        phases = " + ".join(f"{share:.3g} {name}" for name, share in mixture)
        energies = [f"{one.energies[row]:.6g}", f"{hulls[row]:.6g}"]
        line = [place, one.ids[row], one.formulas[row], *energies, decision, phases]
        if truth is not None:
            is_known = np.isfinite(one.known[row])
            line += [f"{one.known[row]:.6g}", f"{known_hulls[row]:.6g}", bool(truth[row])] if is_known else [""] * 3
        rows.append(line)
    return as_csv(HEADER + (KNOWN if truth is not None else []), rows)
