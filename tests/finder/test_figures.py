"""Figures compute what the article prints, and every picture is drawn."""

from collections import Counter

import numpy as np
import pytest

from common.data.predictions import Predictions
from common.errors import UserError
from experiments.declare.plan import reported
from finder import figures


@pytest.mark.parametrize(
    ("row", "tolerance"), [("Finder", 0.005), ("Roost", 0.005), ("RF_Magpie", 0.005), ("ResCNN", 0.01)]
)
def test_power_laws_of_the_printed_points(row, tolerance):
    """The printed slopes come out of the printed errors where the smallest set is left out of the fit."""
    printed = reported("finder")["fig3_sample_efficiency"]["rows"][row]
    sizes = [1000, 2000, 5000, 10000, 20000, 68699]
    _, m = figures.power_law(sizes, [printed[f"n_{n}"]["value"] for n in sizes])
    assert m == pytest.approx(printed["powerlaw_m"]["value"], abs=tolerance)


def test_power_law_needs_numbers_it_can_fit():
    assert figures.power_law([10, 1000], [1.0, 0.1]) == pytest.approx((10**0.5, -0.5))
    with pytest.raises(UserError, match="at least two sizes"):
        figures.power_law([10], [1.0])


def test_fraction_within_a_threshold(tmp_path):
    shares = figures.cumulative_error(tmp_path / "c.png", {"a": np.array([0.1, -0.2, 0.3, 0.5])}, threshold=0.3)
    assert shares == {"a": 0.75} and (tmp_path / "c.png").stat().st_size > 5000


def test_embeddings():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, 6)) * [9, 5, 1, 0.1, 0.1, 0.1]
    flat = figures.embedding_map(vectors)
    assert flat.shape == (40, 2) and figures.embedding_correlation(vectors, flat) > 0.97
    assert figures.embedding_correlation(vectors, -2 * vectors) == pytest.approx(1)
    assert np.array_equal(figures.embedding_map(vectors, "tsne"), figures.embedding_map(vectors, "tsne"))
    with pytest.raises(UserError, match="choose pca or tsne"):
        figures.embedding_map(vectors, "umap")


def test_every_picture_is_drawn(tmp_path):
    random = np.random.default_rng(0)
    n = 50
    predicted = Predictions(np.arange(n).astype(str), np.zeros(n), random.laplace(size=n), np.ones(n))
    figures.calibration(tmp_path / "calibration.svg", predicted, name="Finder")
    series = {"Finder": (np.array([25, 50, 100]), np.array([0.5, 0.4, 0.3]))}
    figures.sample_efficiency(tmp_path / "efficiency.svg", series, unit="eV/atom")
    figures.element_network(tmp_path / "network.svg", Counter({("O", "Ti"): 3, ("O", "Sr"): 1}))
    points = random.normal(size=(n, 2))
    figures.draw_embedding(tmp_path / "map.svg", points, points[:, 0], label="gap (eV)")
    texts = {path.stem: path.read_text() for path in tmp_path.iterdir()}
    assert "miscalibration area" in texts["calibration"] and "training materials" in texts["efficiency"]
    assert "Ti" in texts["network"] and "gap (eV)" in texts["map"]
    with pytest.raises(UserError, match="no network to draw"):
        figures.element_network(tmp_path / "none.png", Counter())
