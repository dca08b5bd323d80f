"""Plots of the screening: Figures 1b, 4 and 5."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from common import plots
from common.chem.element_vectors import element_vectors
from common.chem.formula import parse_formula
from common.errors import UserError
from common.plots import BLUE, INK, PALE, RED, drawing
from common.train.devices import quiet_backend
from esnet.screening.thresholds import PAPER_OPTIMUM, Scan, counts

EF, EHULL = "threshold of predicted $E_f$ (eV/atom)", "threshold of predicted $E_{hull}$ (eV/atom)"
#: Contours of F1 in the plot of success ratio against discoverability.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def screening(
    folder: str | Path,
    formulas: Sequence[str],
    stages: Mapping[str, np.ndarray],
    scanned: Scan | None = None,
    *,
    vectors: np.ndarray | None = None,
    seed: int = 0,
) -> list[str]:
    """Draw all plots of a screening into `folder`; returns their names.

    vectors: (n, c) descriptors of the materials for the map, default `composition_vectors`.
    """
    folder = Path(folder)
    drawn = ["funnel.png"]
    plots.bars(folder / drawn[0], *zip(*counts(stages).items(), strict=True), label="materials", text="{:,.0f}")
    if scanned is not None:
        for draw in (f1_map, precision_recall, precision_recall_3d):
            drawn.append(f"{draw.__name__.replace('_', '-')}.png")
            draw(folder / drawn[-1], scanned)
    vectors = composition_vectors(formulas) if vectors is None else vectors
    if len(vectors) > 3:
        points, method = embedded(vectors, seed=seed)
        drawn.append("funnel-map.png")
        funnel_map(folder / drawn[-1], points, stages, method=method)
    return drawn


def f1_map(path: str | Path, scanned: Scan) -> None:
    """F1 over both thresholds, with our optimum and the article's."""
    best = scanned.optimum()
    with drawing(path, (4.8, 3.8)) as axes:
        mesh = axes.pcolormesh(
            scanned.ef, scanned.ehull, scanned.f1.T, cmap="Blues", shading="nearest", rasterized=True
        )
        axes.figure.colorbar(mesh, ax=axes, label="F1", shrink=0.8, pad=0.02).outline.set_visible(False)
        axes.plot(
            *PAPER_OPTIMUM, "s", color=INK, markerfacecolor="white", markersize=6, label=f"article {PAPER_OPTIMUM}"
        )
        axes.plot(
            *best, "o", color=RED, markersize=5, label=f"best F1 {scanned.f1.max():.3f} at ({best[0]:g}, {best[1]:g})"
        )
        axes.set(xlabel=EF, ylabel=EHULL)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8)


def precision_recall(path: str | Path, scanned: Scan) -> None:
    """Success ratio against discoverability: one curve per E_hull threshold, parametrized by that of E_f."""
    from matplotlib import colormaps

    best = np.unravel_index(np.argmax(scanned.f1), scanned.f1.shape)
    chosen = np.unique(np.searchsorted(scanned.ehull, [0.0, 0.05, 0.1, 0.2, 0.4, 1.0]).clip(0, len(scanned.ehull) - 1))
    with drawing(path, (4.6, 3.8)) as axes:
        x, y = np.meshgrid(np.linspace(0.001, 1, 200), np.linspace(0.001, 1, 200))
        lines = axes.contour(x, y, 2 * x * y / (x + y), levels=LEVELS, colors=PALE, linewidths=0.6)
        axes.clabel(lines, fmt="F1 %g", fontsize=6)
        for colour, j in zip(colormaps["viridis"](np.linspace(0, 0.9, len(chosen))), chosen, strict=True):
            label = f"{scanned.ehull[j]:g}"
            axes.plot(
                scanned.discoverability[:, j], scanned.success_ratio[:, j], color=colour, linewidth=1.5, label=label
            )
        point = (scanned.discoverability[best], scanned.success_ratio[best])
        axes.plot(*point, "o", color=RED, markersize=5, label=f"best F1 {scanned.f1[best]:.3f}", linestyle="none")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="discoverability", ylabel="success ratio")
        axes.legend(title="$E_{hull}$ (eV/atom)", loc="upper right", fontsize=7, title_fontsize=7)


def precision_recall_3d(path: str | Path, scanned: Scan) -> None:
    """Success ratio, discoverability and F1 as surfaces over both thresholds."""
    with drawing(path, (5.2, 4.4)) as axes:
        figure = axes.figure
        axes.remove()
        space = figure.add_subplot(projection="3d")
        x, y = np.meshgrid(scanned.ef, scanned.ehull, indexing="ij")
        for values, colour, name in (
            (scanned.discoverability, BLUE, "discoverability"),
            (scanned.success_ratio, RED, "success ratio"),
            (scanned.f1, INK, "F1"),
        ):
            space.plot_wireframe(x, y, values, color=colour, linewidth=0.5, alpha=0.8, rcount=14, ccount=14, label=name)
        best = scanned.optimum()
        space.scatter(*best, scanned.f1.max(), color=INK, s=25, label=f"best F1 at ({best[0]:g}, {best[1]:g})")
        space.set(xlabel="$E_f$ (eV/atom)", ylabel="$E_{hull}$ (eV/atom)", zlim=(0, 1))
        space.view_init(elev=22, azim=-125)
        space.legend(loc="upper left", fontsize=7)


def funnel_map(path: str | Path, points: np.ndarray, stages: Mapping[str, np.ndarray], *, method: str = "UMAP") -> None:
    """Figure 5: the map (n, 2) of all materials, one panel per stage, with the remaining materials in colour."""
    with drawing(path, (2.7 * len(stages), 3.0)) as axes:
        figure = axes.figure
        axes.remove()
        panels = np.atleast_1d(figure.subplots(1, len(stages), sharex=True, sharey=True))
        size = float(np.clip(3000 / len(points), 1.5, 12))
        for panel, (name, left) in zip(panels, stages.items(), strict=True):
            panel.scatter(*points[~left].T, s=size, color="#dddddd", linewidths=0)
            panel.scatter(*points[left].T, s=size, color=BLUE, linewidths=0)
            panel.set_title(f"{name}\n{int(left.sum()):,}", fontsize=8)
            panel.set(xticks=[], yticks=[])
        panels[0].set(xlabel=f"{method} 1", ylabel=f"{method} 2")


def similarity(path: str | Path, found: Mapping[str, Mapping[str, float]]) -> None:
    """Figure 1b: mean absolute difference of each descriptor over pairs, relative to random pairs."""
    names = list(found)
    with drawing(path, (4.8, 0.9 + 0.4 * len(names))) as axes:
        ratios = [one["ratio"] for one in found.values()]
        drawn = axes.barh(names, ratios, color=BLUE, height=0.62)
        texts = [f"{one['pairs']:.3g} against {one['random']:.3g}" for one in found.values()]
        axes.bar_label(drawn, texts, padding=3, fontsize=7)
        axes.axvline(1.0, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set(xlim=(0, max(1.15, 1.5 * max(ratios))), xlabel="MAE of pairs / MAE of random pairs")
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)


# --- maps ----------------------------------------------------------------------------------------


def composition_vectors(formulas: Sequence[str]) -> np.ndarray:
    """Mean and standard deviation (n, 44) of the Magpie element vectors over the atoms of each composition."""
    table = np.nan_to_num(element_vectors("magpie").table)
    vectors = []
    for formula in formulas:
        amounts = parse_formula(formula)
        share = np.array([float(amount) for amount in amounts.values()])
        share /= share.sum()
        rows = table[list(amounts)]
        mean = share @ rows
        vectors.append(np.concatenate([mean, np.sqrt(share @ (rows - mean) ** 2)]))
    return np.array(vectors)


def embedded(vectors: np.ndarray, *, seed: int = 0) -> tuple[np.ndarray, str]:
    """Embed vectors (n, c) in two dimensions (n, 2); returns them and the method: UMAP, or PCA if not installed.

    Duplicates are embedded once, which saves minutes, and jittered so that all are visible.
    """
    if len(vectors) < 4:
        raise UserError(f"a map needs at least four materials, not {len(vectors)}")
    distinct, which = np.unique(np.round(vectors, 6), axis=0, return_inverse=True)
    umap = _umap() if len(distinct) > 15 else None
    if umap is not None:
        # The default spectral initialization fails for disconnected chemical systems.
        points = umap(n_neighbors=15, random_state=seed, n_jobs=1, init="pca").fit_transform(distinct)
    else:
        points = _two_axes(distinct)
    spread = 0.006 * np.ptp(points, axis=0).max() * np.random.default_rng(seed).normal(size=(len(vectors), 2))
    repeated = np.bincount(which)[which] > 1
    return points[which] + spread * repeated[:, None], "PCA" if umap is None else "UMAP"


def _umap() -> type | None:
    """The UMAP class, or None if not installed."""
    if find_spec("umap") is None:
        return None
    quiet_backend()  # umap imports TensorFlow
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import UMAP

    return UMAP


def _two_axes(vectors: np.ndarray) -> np.ndarray:
    """The first two principal components, zeros for a missing second one."""
    apart = vectors - vectors.mean(axis=0)
    points = apart @ np.linalg.svd(apart, full_matrices=False)[2][:2].T
    return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
