"""Thresholds, scores and costs by counting."""

import numpy as np
import pytest

from common.errors import UserError
from esnet.screening.thresholds import (
    C_OPT,
    C_PRE,
    PAPER_OPTIMUM,
    STABLE,
    below,
    c_eff,
    confusion,
    counts,
    evaluate,
    funnel,
    grid,
    scan,
)


@pytest.fixture(scope="module")
def predicted():
    """600 materials with truth (E_f, E_hull) and predictions that miss by about 0.1 eV/atom."""
    random = np.random.default_rng(0)
    target = random.normal(0.0, 0.3, 600)
    hull = np.maximum(target - random.normal(-0.2, 0.2, 600), -0.05)
    error = random.normal(0.0, 0.1, 600)
    return target, hull, target + error, hull + error


def test_at_a_threshold_counts_as_below():
    assert below([0.0, 0.0, 1e-9], [0.1, 0.11, 0.1], STABLE).tolist() == [True, False, False]


def test_confusion_by_hand():
    truth = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    found = confusion(truth, np.array([1, 1, 0, 1, 0, 0, 0, 0], dtype=bool))
    assert [found[k] for k in ("TP", "FP", "FN", "TN")] == [2, 1, 1, 4]
    assert [found[k] for k in ("success ratio", "discoverability", "F1", "PPCR")] == [2 / 3, 2 / 3, 2 / 3, 3 / 8]
    assert found["C_eff (s)"] == pytest.approx((3107.0 * 3 / 8 + 108.506) / (2 / 3))


def test_c_eff():
    """The article's numerator at its optimum; relaxing all costs a relaxation each, finding nothing is endless."""
    assert c_eff(1.0, 2742 / 15318) == pytest.approx(664.67, abs=0.01)
    assert c_eff(1.0, 1.0, c_pre=0.0) == C_OPT and c_eff(0.5, 0.0) == 2 * C_PRE
    assert c_eff(0.0, 0.3) == float("inf")


def test_grid():
    ef, ehull = grid()
    assert len(ef) == 51 and len(ehull) == 101 and ef[0] == -0.25 and ef[-1] == 0.25 and ehull[-1] == 1.0
    assert PAPER_OPTIMUM[0] in ef and PAPER_OPTIMUM[1] in ehull
    assert len(grid(0.05)[1]) == 21
    for step in (0.0, -0.1, 2.0):
        with pytest.raises(UserError, match="step"):
            grid(step)


def test_scan_is_confusion_at_every_threshold(predicted):
    target, hull, ef, ehull = predicted
    truth = below(target, hull, STABLE)
    found = scan(truth, ef, ehull, step=0.05)
    for i, a in enumerate(found.ef):
        for j, b in enumerate(found.ehull):
            one = confusion(truth, below(ef, ehull, (a, b)))
            assert found.discoverability[i, j] == pytest.approx(one["discoverability"])
            assert found.ppcr[i, j] == pytest.approx(one["PPCR"])
            if one["PPCR"]:
                assert found.success_ratio[i, j] == pytest.approx(one["success ratio"])
                assert found.f1[i, j] == pytest.approx(one["F1"])
            else:
                assert np.isnan(found.success_ratio[i, j]) and found.f1[i, j] == 0
    assert (np.diff(found.discoverability, axis=0) >= 0).all() and (np.diff(found.ppcr, axis=1) >= 0).all()


def test_optima(predicted):
    target, hull, ef, ehull = predicted
    truth = below(target, hull, STABLE)
    found = scan(truth, ef, ehull)
    best = confusion(truth, below(ef, ehull, found.optimum()))
    assert best["F1"] == pytest.approx(found.f1.max())
    costs = [confusion(truth, below(ef, ehull, (a, b)))["C_eff (s)"] for a in found.ef[::5] for b in found.ehull[::5]]
    assert confusion(truth, below(ef, ehull, found.cheapest()))["C_eff (s)"] <= min(costs)


def test_a_perfect_model_has_its_optimum_at_the_definition(predicted):
    target, hull = predicted[:2]
    report, _ = evaluate(target, hull, target, hull)
    assert report["best F1"]["F1"] == 1 and report["best F1"]["FP"] == 0 and report["E_f (eV/atom)"]["MAE"] == 0
    chosen = below(target, hull, (report["best F1"]["E_f (eV/atom)"], report["best F1"]["E_hull (eV/atom)"]))
    assert np.array_equal(chosen, below(target, hull, STABLE))


def test_nothing_stable():
    with pytest.raises(UserError, match="none of the 3 materials is stable"):
        scan(np.zeros(3, dtype=bool), np.zeros(3), np.zeros(3))


def test_funnel():
    ef, ehull = np.array([-0.5, -0.5, -0.5, 0.5]), np.array([0.0, 0.1, 0.9, 0.0])
    found = list(counts(funnel(ef, ehull, np.array([True, False, True, True]))).values())
    assert found == [4, 3, 2, 1]
    assert list(counts(funnel(ef, ehull, thresholds=(1.0, 1.0))).values()) == [4, 4, 4]
