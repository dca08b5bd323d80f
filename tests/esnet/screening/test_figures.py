"""The pictures of the screening are drawn, and show what they should."""

import numpy as np
import pytest

from common.errors import UserError
from esnet.dos.similarity import DESCRIPTORS
from esnet.screening import figures
from esnet.screening.thresholds import STABLE, below, funnel, scan


@pytest.fixture(scope="module")
def materials():
    random = np.random.default_rng(0)
    target = random.normal(0.0, 0.3, 300)
    hull = np.maximum(target + 0.2, -0.05)
    ef, ehull = target + random.normal(0, 0.1, 300), hull + random.normal(0, 0.1, 300)
    truth = below(target, hull, STABLE)
    return [f"Cu{n % 9 + 1}Au{n % 7 + 1}" for n in range(300)], funnel(ef, ehull, truth), scan(truth, ef, ehull)


def test_all_pictures(materials, tmp_path, monkeypatch):
    """The map by PCA, which is quick; UMAP has its own test."""
    monkeypatch.setattr(figures, "_umap", lambda: None)
    formulas, stages, scanned = materials
    drawn = figures.screening(tmp_path, formulas, stages, scanned)
    assert drawn == ["funnel.png", "f1-map.png", "precision-recall.png", "precision-recall-3d.png", "funnel-map.png"]
    assert all((tmp_path / name).stat().st_size > 8000 for name in drawn)
    few = figures.screening(tmp_path / "few", formulas[:2], {name: left[:2] for name, left in stages.items()})
    assert few == ["funnel.png"]


def test_what_a_picture_says(materials, tmp_path):
    """Text of an SVG stays text."""
    _, stages, scanned = materials
    figures.f1_map(tmp_path / "map.svg", scanned)
    best = scanned.optimum()
    text = (tmp_path / "map.svg").read_text()
    assert f"best F1 {scanned.f1.max():.3f} at ({best[0]:g}, {best[1]:g})" in text and "article (-0.02, 0.13)" in text
    points = np.random.default_rng(0).normal(size=(300, 2))
    figures.funnel_map(tmp_path / "funnel.svg", points, stages, method="PCA")
    text = (tmp_path / "funnel.svg").read_text()
    assert "PCA 1" in text and all(f"{int(left.sum())}<" in text for left in stages.values())


def test_similarity_picture(tmp_path):
    found = {name: {"pairs": 0.1 * k, "random": 1.0, "ratio": 0.1 * k} for k, name in enumerate(DESCRIPTORS, 1)}
    figures.similarity(tmp_path / "similarity.svg", found)
    text = (tmp_path / "similarity.svg").read_text()
    assert "kurtosis" in text and "0.3 against 1" in text


def test_composition_vectors():
    """Equal for equal ratios; the spread is zero for an element; the amounts count."""
    one, same, other, element = figures.composition_vectors(["CuAu3", "Cu2Au6", "Cu3Au", "Cu"])
    assert np.allclose(one, same) and not np.allclose(one, other)
    assert (element[len(element) // 2 :] == 0).all() and (one[len(one) // 2 :] > 0).any()


#: The first use of UMAP compiles it, which takes up to a minute.
@pytest.mark.parametrize("use_umap", [pytest.param(True, marks=pytest.mark.slow), False])
def test_maps_keep_near_things_near(use_umap, monkeypatch):
    """Three heaps of materials, some of them equal, are three heaps in two dimensions."""
    if use_umap:
        pytest.importorskip("umap", reason="UMAP is not installed: pip install -e '.[maps]'")
    else:
        monkeypatch.setattr(figures, "_umap", lambda: None)
    random = np.random.default_rng(0)
    heaps = np.repeat(np.arange(3), 20)
    vectors = np.eye(3, 8)[heaps] * 50 + random.normal(size=(60, 8))
    vectors[1] = vectors[0]
    points, method = figures.embedded(vectors)
    assert method == ("UMAP" if use_umap else "PCA") and points.shape == (60, 2)
    centres = np.array([points[heaps == k].mean(axis=0) for k in range(3)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    assert np.array_equal(nearest, heaps)
    assert not np.array_equal(points[0], points[1])  # equal materials are two dots


def test_maps_of_little():
    points, method = figures.embedded(np.ones((5, 4)))
    assert method == "PCA" and points.shape == (5, 2) and np.isfinite(points).all()
    assert figures.embedded(np.arange(5.0)[:, None])[0].shape == (5, 2)
    with pytest.raises(UserError, match="at least four materials"):
        figures.embedded(np.ones((3, 4)))
