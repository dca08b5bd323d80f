"""Figures of the article beyond parity plots: sample efficiency, calibration, errors, embeddings, element pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from common.data.metrics import pearson
from common.data.predictions import Predictions
from common.data.uncertainty import calibration_curve, miscalibration_area
from common.errors import UserError
from common.plots import BLUE, INK, PALE, RED, drawing, with_unit

#: Line styles of the models: every colour with a solid line, then every colour with a broken line.
STYLES = [
    {"color": colour, "linestyle": line}
    for line in ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (5, 1, 1, 1)))
    for colour in (BLUE, RED, "#4d8a57", "#8a6bbf", INK)
]


def power_law(sizes: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    """c and m of error = c * size^m, from a least-squares fit to the logarithms (Figure 3)."""
    sizes, errors = np.asarray(sizes, dtype=float), np.asarray(errors, dtype=float)
    if len(sizes) < 2 or (errors <= 0).any():
        raise UserError("a power law needs at least two sizes and positive errors")
    m, log_c = np.polyfit(np.log(sizes), np.log(errors), 1)
    return float(np.exp(log_c)), float(m)


def sample_efficiency(
    path: str | Path, series: Mapping[str, tuple[np.ndarray, np.ndarray]], *, unit: str = "", fit_from: float = 0
) -> None:
    """MAE against training-set size for each model, with a power law fitted to the sizes >= `fit_from`."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    with drawing(path, (4.6 if len(series) <= 4 else 6.6, 3.6)) as axes:
        axes.set(xscale="log", yscale="log", xlabel="training materials", ylabel=with_unit("MAE", unit))
        for number, (name, (sizes, errors)) in enumerate(series.items()):
            colour, marker = STYLES[number % len(STYLES)]["color"], "os^D"[number // 5 % 4]
            sizes, errors = np.asarray(sizes, dtype=float), np.asarray(errors, dtype=float)
            fitted = sizes >= fit_from
            label = name
            if fitted.sum() > 1:
                c, m = power_law(sizes[fitted], errors[fitted])
                label = f"{name}, $m = {m:.2f}$"
                axes.plot(sizes, c * sizes**m, color=colour, linewidth=0.8, linestyle=(0, (4, 3)))
            axes.plot(sizes, errors, marker, color=colour, markersize=4, label=label)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else ""))
        axes.xaxis.set_minor_formatter(NullFormatter())
        outside = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0)}  # many curves leave no room inside the axes
        axes.legend(**(outside if len(series) > 4 else {"loc": "upper right"}))


def calibration(path: str | Path, predicted: Predictions, *, shape: str = "laplace", name: str = "") -> None:
    """Calibration plot: observed fraction of targets inside the predicted interval against its nominal probability."""
    expected, observed = calibration_curve(predicted, shape)
    area = miscalibration_area(predicted, shape)
    with drawing(path) as axes:
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.fill_between(expected, expected, observed, color=PALE, alpha=0.6, linewidth=0)
        axes.plot(expected, observed, color=BLUE, linewidth=1.5)
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=name)
        axes.set(xlabel="nominal probability of the interval", ylabel="observed fraction of targets")
        text = f"miscalibration area {area:.3f}\nn = {predicted.std.size:,}"
        axes.text(0.04, 0.96, text, va="top", transform=axes.transAxes)


def cumulative_error(
    path: str | Path, errors: Mapping[str, np.ndarray], *, unit: str = "", threshold: float = 0, note: str = ""
) -> dict[str, float]:
    """Cumulative distribution of absolute errors (Figure 5); returns the fraction below the threshold per model."""
    fractions = {}
    with drawing(path, (4.2, 3.4)) as axes:
        for number, (name, values) in enumerate(errors.items()):
            ordered = np.sort(np.abs(np.asarray(values, dtype=float).ravel()))
            fractions[name] = float((ordered <= threshold).mean())
            label = f"{name}, {fractions[name]:.0%}" if threshold else name
            cumulative, style = np.arange(1, len(ordered) + 1) / len(ordered), STYLES[number % len(STYLES)]
            axes.plot(ordered, cumulative, linewidth=1.5, label=label, **style)
        if threshold:
            label = f"{note or 'threshold'}: {threshold:g} {unit}".strip()
            axes.axvline(threshold, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), label=label)
        reach = max(float(np.quantile(np.abs(values), 0.97)) for values in errors.values())
        axes.set(xlim=(0, reach), ylim=(0, 1), xlabel=with_unit("absolute error", unit), ylabel="fraction of materials")
        axes.legend(loc="lower right", fontsize=7 if len(errors) > 6 else None)
    return fractions


def embedding_map(vectors: np.ndarray, method: str = "pca", *, seed: int = 0) -> np.ndarray:
    """Projection (n, 2) of vectors (n, c); method "pca" or "tsne" (perplexity 30, as in Figure 5)."""
    if method == "pca":
        from sklearn.decomposition import PCA

        return PCA(2).fit_transform(vectors)
    if method != "tsne":
        raise UserError(f"unknown method {method!r}; choose pca or tsne")
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    return TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors)


def embedding_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's r between the pairwise distances in two embeddings of the same materials."""
    from scipy.spatial.distance import pdist

    return pearson(pdist(one), pdist(other))


def draw_embedding(path: str | Path, points: np.ndarray, values: np.ndarray, *, label: str, name: str = "") -> None:
    """Scatter plot of points (n, 2) coloured by a property."""
    with drawing(path, (4.6, 3.6)) as axes:
        low, high = np.quantile(values, [0.02, 0.98])
        dots = axes.scatter(*points.T, c=values, s=9, cmap="viridis", vmin=low, vmax=high, linewidths=0)
        axes.figure.colorbar(dots, ax=axes, label=label, shrink=0.8, pad=0.02).outline.set_visible(False)
        axes.set(xticks=[], yticks=[], title=name)


def element_network(path: str | Path, pairs: Counter[tuple[str, str]], *, name: str = "") -> None:
    """Elements on a circle, connected by lines whose width shows how often they occur together (Figure 6d)."""
    if not pairs:
        raise UserError("no material has two elements; there is no network to draw")
    total = Counter()
    for (one, other), count in pairs.items():
        total[one] += count
        total[other] += count
    symbols = sorted(total)
    angle = np.linspace(0, 2 * np.pi, len(symbols), endpoint=False)
    place = dict(zip(symbols, np.stack([np.cos(angle), np.sin(angle)], axis=1), strict=True))
    most, largest = max(pairs.values()), max(total.values())
    with drawing(path, (4.6, 4.6)) as axes:
        axes.set_axis_off()
        axes.set(aspect="equal", xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), title=name)
        for (one, other), count in pairs.items():
            x, y = np.stack([place[one], place[other]], axis=1)
            axes.plot(x, y, color=BLUE, alpha=0.15 + 0.6 * count / most, linewidth=0.4 + 3 * count / most, zorder=1)
        for symbol, (x, y) in place.items():
            axes.scatter(x, y, s=60 + 240 * total[symbol] / largest, color="white", edgecolor=INK, zorder=2)
            axes.text(x, y, symbol, ha="center", va="center", fontsize=7, zorder=3)
