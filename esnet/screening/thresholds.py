"""Screening by two thresholds: which materials to relax, and how well the thresholds find the stable ones.

A material is stable if its known E_f <= 0.0 and E_hull <= 0.1 eV/atom, and predicted to be stable if both predicted
values are at or below their thresholds. The thresholds are scanned over E_f from -0.25 to 0.25 and E_hull from 0 to 1.0
eV/atom, in steps of 0.01 eV/atom (the article does not state its step).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from common.data import metrics
from common.errors import UserError

#: Limits of E_f and E_hull (eV/atom) of stable materials.
STABLE = (0.0, 0.1)
#: Thresholds of the best F1 in the article.
PAPER_OPTIMUM = (-0.02, 0.13)
#: CPU seconds per relaxation and per density of states (equation 4).
C_OPT, C_PRE = 3107.0, 108.506
STEP = 0.01


def below(ef: np.ndarray, ehull: np.ndarray, thresholds: tuple[float, float]) -> np.ndarray:
    """Mask (n,) of materials at or below both thresholds (eV/atom)."""
    return (np.asarray(ef) <= thresholds[0]) & (np.asarray(ehull) <= thresholds[1])


def c_eff(discoverability: float, ppcr: float, c_opt: float = C_OPT, c_pre: float = C_PRE) -> float:
    """Equation 4: CPU seconds per candidate, divided by the discoverability; lower is better.

    ppcr: fraction of the candidates predicted to be stable and therefore relaxed. c_pre: 0 for a model that needs no
    density of states. Relaxing every candidate costs `c_opt`.
    """
    return (c_opt * ppcr + c_pre) / discoverability if discoverability > 0 else float("inf")


def confusion(truth: np.ndarray, predicted: np.ndarray, *, c_pre: float = C_PRE) -> dict[str, float]:
    """Confusion matrix, success ratio, discoverability, F1 and cost of a binary prediction (n,)."""
    truth, predicted = np.asarray(truth, dtype=bool), np.asarray(predicted, dtype=bool)
    scores = metrics.classification(truth, predicted)
    ppcr = float(predicted.mean())
    return {
        "TP": int((truth & predicted).sum()),
        "FP": int((~truth & predicted).sum()),
        "FN": int((truth & ~predicted).sum()),
        "TN": int((~truth & ~predicted).sum()),
        "success ratio": scores["precision"],
        "discoverability": scores["recall"],
        "F1": scores["F1"],
        "PPCR": ppcr,
        "C_eff (s)": c_eff(scores["recall"], ppcr, c_pre=c_pre),
    }


@dataclass(frozen=True)
class Scan:
    """Scores (a, b) over thresholds of E_f (a,) and E_hull (b,) in eV/atom; NaN success ratio without positives."""

    ef: np.ndarray
    ehull: np.ndarray
    success_ratio: np.ndarray
    discoverability: np.ndarray
    f1: np.ndarray
    ppcr: np.ndarray

    def optimum(self) -> tuple[float, float]:
        """Thresholds of the highest F1, the lowest in a tie."""
        return self._thresholds(np.argmax(self.f1))

    def cheapest(self, c_pre: float = C_PRE) -> tuple[float, float]:
        """Thresholds of the lowest C_eff."""
        cost = np.vectorize(c_eff)(self.discoverability, self.ppcr, c_pre=c_pre)
        return self._thresholds(np.argmin(cost))

    def _thresholds(self, flat: np.intp) -> tuple[float, float]:
        i, j = np.unravel_index(flat, self.f1.shape)
        return float(self.ef[i]), float(self.ehull[j])


def grid(step: float = STEP) -> tuple[np.ndarray, np.ndarray]:
    """The scanned thresholds of E_f and E_hull (eV/atom)."""
    if not 0 < step <= 0.25:
        raise UserError(f"step {step:g} eV/atom is out of range; choose one above 0 and up to 0.25")
    # Rounded multiples, so that thresholds print exactly.
    ef, ehull = (np.arange(round(a / step), round(b / step) + 1) * step for a, b in ((-0.25, 0.25), (0, 1)))
    return np.round(ef, 9), np.round(ehull, 9)


def scan(truth: np.ndarray, ef: np.ndarray, ehull: np.ndarray, *, step: float = STEP) -> Scan:
    """Scores of predicted E_f and E_hull (n,) over the grid of thresholds; `truth` (n,) marks the stable materials."""
    truth = np.asarray(truth, dtype=bool)
    if not truth.any():
        raise UserError(
            f"none of the {len(truth)} materials is stable by the known values (E_f <= {STABLE[0]:g} and "
            f"E_hull <= {STABLE[1]:g} eV/atom); give more materials"
        )
    ef_grid, ehull_grid = grid(step)
    low_ef = (np.asarray(ef)[:, None] <= ef_grid).astype(np.float64)
    low_hull = (np.asarray(ehull)[:, None] <= ehull_grid).astype(np.float64)
    hits = (low_ef * truth[:, None]).T @ low_hull
    predicted = low_ef.T @ low_hull
    ratio = np.divide(hits, predicted, out=np.full(hits.shape, np.nan), where=predicted > 0)
    f1 = 2 * hits / (predicted + truth.sum())
    return Scan(ef_grid, ehull_grid, ratio, hits / truth.sum(), f1, predicted / len(truth))


def funnel(
    ef: np.ndarray,
    ehull: np.ndarray,
    truth: np.ndarray | None = None,
    thresholds: tuple[float, float] = PAPER_OPTIMUM,
) -> dict[str, np.ndarray]:
    """Figure 5: mask (n,) of the materials left after each stage; the last stage needs `truth`."""
    first = np.asarray(ef) <= thresholds[0]
    second = below(ef, ehull, thresholds)
    stages = {
        "candidates": np.ones(len(first), dtype=bool),
        f"E_f predicted <= {thresholds[0]:g} eV/atom": first,
        f"E_hull predicted <= {thresholds[1]:g} eV/atom": second,
    }
    return stages if truth is None else stages | {"stable by the known values": second & np.asarray(truth, dtype=bool)}


def counts(stages: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Number of materials left after each stage."""
    return {name: int(left.sum()) for name, left in stages.items()}


def evaluate(
    target: np.ndarray,
    target_hull: np.ndarray,
    prediction: np.ndarray,
    prediction_hull: np.ndarray,
    *,
    step: float = STEP,
    c_pre: float = C_PRE,
) -> tuple[dict, Scan]:
    """Evaluate predictions with known values, all (n,) in eV/atom.

    As in the article, the thresholds of the best F1 are chosen on the evaluated materials, which is optimistic.
    """
    truth = below(target, target_hull, STABLE)
    scanned = scan(truth, prediction, prediction_hull, step=step)

    def at(thresholds: tuple[float, float]) -> dict:
        found = confusion(truth, below(prediction, prediction_hull, thresholds), c_pre=c_pre)
        return {"E_f (eV/atom)": thresholds[0], "E_hull (eV/atom)": thresholds[1], **found}

    report = {
        "materials": len(truth),
        "stable": int(truth.sum()),
        "E_f (eV/atom)": metrics.regression(target, prediction),
        "step (eV/atom)": step,
        "best F1": at(scanned.optimum()),
        "lowest C_eff": at(scanned.cheapest(c_pre)),
        "the article's thresholds": at(PAPER_OPTIMUM),
    }
    return report, scanned
