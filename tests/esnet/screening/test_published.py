"""The authors' published predictions."""

import pytest

from common.errors import UserError
from esnet.screening.published import published_screening


@pytest.mark.real
@pytest.mark.parametrize(("task", "mae", "rmse"), [("IS2RE", 0.2654, 0.4063), ("RS2RE", 0.2320, 0.3743)])
def test_published_predictions(real_data, task, mae, rmse):
    """The printed errors, and an optimum within a few steps of the article's though the pool is another."""
    report = published_screening(task)
    errors = report["E_f (eV/atom)"]
    assert (round(errors["MAE"], 4), round(errors["RMSE"], 4)) == (mae, rmse)
    assert report["materials"] == 7165 and report["phases in the pool"] == 82348
    best = report["best F1"]
    assert best["E_f (eV/atom)"] == pytest.approx(-0.02, abs=0.03)
    assert best["E_hull (eV/atom)"] == pytest.approx(0.13, abs=0.05)
    assert report["article"]["C_opt PPCR + C_pre (s)"] == pytest.approx(664.67, abs=0.01)
    assert list(report["funnel"]) == list(report["article"]["funnel"])


def test_published_predictions_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("MATREPRO_DATA", str(tmp_path))
    with pytest.raises(UserError, match="set MATREPRO_DATA"):
        published_screening()
    with pytest.raises(UserError, match="choose one of IS2RE, RS2RE"):
        published_screening("S2EF")
