"""Screening by two thresholds: which materials to relax, and how well a choice of thresholds finds the stable ones.

A material is stable where its known values are E_f <= 0.0 and E_hull <= 0.1 eV/atom, and it is predicted to be so where
both predicted values are at or below their thresholds. The thresholds are scanned over E_f from -0.25 to 0.25 and
E_hull from 0 to 1.0 eV/atom; the article does not print its step, which is 0.01 eV/atom here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from common.data import metrics
from common.errors import UserError

#: E_f and E_hull, eV/atom, at or below which a material is stable.
STABLE = (0.0, 0.1)
#: The article's thresholds of the best F1.
PAPER_OPTIMUM = (-0.02, 0.13)
#: CPU seconds of a relaxation and of a density of states (equation 4).
C_OPT, C_PRE = 3107.0, 108.506
STEP = 0.01


def below(ef: np.ndarray, ehull: np.ndarray, thresholds: tuple[float, float]) -> np.ndarray:
    """Which materials (n,) are at or below both thresholds, in eV/atom."""
    return (np.asarray(ef) <= thresholds[0]) & (np.asarray(ehull) <= thresholds[1])


def c_eff(discoverability: float, ppcr: float, c_opt: float = C_OPT, c_pre: float = C_PRE) -> float:
    """Equation 4: CPU seconds a candidate, over the share of the stable materials that is found; lower is better.

    ppcr: the share of the candidates that is predicted to be stable and so relaxed. `c_pre` is 0 for a model that
    needs no density of states. Relaxing every candidate costs `c_opt`.
    """
    return (c_opt * ppcr + c_pre) / discoverability if discoverability > 0 else float("inf")


def confusion(truth: np.ndarray, predicted: np.ndarray, *, c_pre: float = C_PRE) -> dict[str, float]:
    """Counts, success ratio, discoverability and F1 of a yes/no prediction (n,), with what they cost."""
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
    """Scores (a, b) over thresholds of E_f (a,) and of E_hull (b,) in eV/atom.

    The success ratio is NaN where nothing is predicted to be stable.
    """

    ef: np.ndarray
    ehull: np.ndarray
    success_ratio: np.ndarray
    discoverability: np.ndarray
    f1: np.ndarray
    ppcr: np.ndarray

    def optimum(self) -> tuple[float, float]:
        """The thresholds of the highest F1; of several the lowest."""
        return self._thresholds(np.argmax(self.f1))

    def cheapest(self, c_pre: float = C_PRE) -> tuple[float, float]:
        """The thresholds of the lowest C_eff."""
        cost = np.vectorize(c_eff)(self.discoverability, self.ppcr, c_pre=c_pre)
        return self._thresholds(np.argmin(cost))

    def _thresholds(self, flat: np.intp) -> tuple[float, float]:
        i, j = np.unravel_index(flat, self.f1.shape)
        return float(self.ef[i]), float(self.ehull[j])


def grid(step: float = STEP) -> tuple[np.ndarray, np.ndarray]:
    """The thresholds of E_f and of E_hull that the article scans, eV/atom."""
    if not 0 < step <= 0.25:
        raise UserError(f"a step of {step:g} eV/atom does not fit the thresholds; choose one above 0 and up to 0.25")
    # Whole multiples, so that 0.13 is the number that is printed so.
    ef, ehull = (np.arange(round(a / step), round(b / step) + 1) * step for a, b in ((-0.25, 0.25), (0, 1)))
    return np.round(ef, 9), np.round(ehull, 9)


def scan(truth: np.ndarray, ef: np.ndarray, ehull: np.ndarray, *, step: float = STEP) -> Scan:
    """Scores of predicted E_f and E_hull (n,) over the grid of thresholds; `truth` (n,) says which are stable."""
    truth = np.asarray(truth, dtype=bool)
    if not truth.any():
        raise UserError(
            f"none of the {len(truth)} materials is stable by the known values (E_f <= {STABLE[0]:g} and "
            f"E_hull <= {STABLE[1]:g} eV/atom), so there is nothing to find; give more materials"
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
    """Figure 5: which materials (n,) are left after each stage; the last one where it is known which are stable."""
    first = np.asarray(ef) <= thresholds[0]
    second = below(ef, ehull, thresholds)
    stages = {
        "candidates": np.ones(len(first), dtype=bool),
        f"E_f predicted <= {thresholds[0]:g} eV/atom": first,
        f"E_hull predicted <= {thresholds[1]:g} eV/atom": second,
    }
    return stages if truth is None else stages | {"stable by the known values": second & np.asarray(truth, dtype=bool)}


def counts(stages: Mapping[str, np.ndarray]) -> dict[str, int]:
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
    """Everything that is said of predictions whose true values are known, all (n,) in eV/atom.

    The thresholds of the best F1 are chosen on these very materials, as in the article: what they promise for others is
    flattered by that.
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
