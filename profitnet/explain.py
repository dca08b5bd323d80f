"""Feature importance by pairs of atomic properties: SHAP values grouped into 11 x 11 blocks (Figure 5).

Every entry of the matrix belongs to a pair of property blocks, one of the neighbour and one of the centre atom. SHAP's
DeepExplainer attributes f(x) - mean f(background) to the entries, whose sum it equals; the importance of a pair is the
sum of the mean absolute values of its entries, as a fraction of the total.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common import plots
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import write_text
from common.io.progress import progress
from common.io.text import as_csv
from profitnet.atoms import ATOM, BLOCKS
from profitnet.regressor import PROFiTNet

#: Batch size; each material is evaluated together with the whole background.
CHUNK = 8


@dataclass(frozen=True)
class Importance:
    """Fractions (11, 11) of the mean absolute SHAP value, which sum to one, over `materials` materials.

    rows, columns: the atom of each axis, neighbour or centre. gap: largest deviation between the sum of a material's
    SHAP values and its prediction minus the mean of the background, in the unit of the target.
    """

    matrix: np.ndarray
    rows: str
    columns: str
    materials: int
    gap: float
    unit: str

    def pairs(self) -> list[tuple[str, str, float]]:
        """(row property, column property, fraction), sorted by decreasing fraction."""
        names = list(BLOCKS)
        order = np.argsort(-self.matrix, axis=None, kind="stable")
        return [(names[i // len(names)], names[i % len(names)], float(self.matrix.flat[i])) for i in order]

    def save(self, folder: str | Path) -> None:
        """Write importance.csv (11 x 11), pairs.csv (ranked), matrix.png and top5.png."""
        folder, names = Path(folder), list(BLOCKS)
        header = [f"{self.rows} \\ {self.columns}", *names]
        shares = [[name, *(f"{v:.6g}" for v in row)] for name, row in zip(names, self.matrix, strict=True)]
        write_text(folder / "importance.csv", as_csv(header, shares))
        ranked = [[row, column, f"{share:.6g}"] for row, column, share in self.pairs()]
        write_text(folder / "pairs.csv", as_csv([self.rows, self.columns, "share"], ranked))
        plots.heat_map(
            folder / "matrix.png",
            100 * self.matrix,
            names,
            rows=f"property of the {self.rows}",
            columns=f"property of the {self.columns}",
            label="share of mean |SHAP| (%)",
            text="{:.1f}",
        )
        top = self.pairs()[:5]
        plots.bars(
            folder / "top5.png",
            [f"{row} - {column}" for row, column, _ in top],
            [100 * share for *_, share in top],
            label=f"share of mean |SHAP| (%), {self.rows} - {self.columns}",
        )


def explain(
    model: PROFiTNet, table: MaterialsDataset, *, background: MaterialsDataset, samples: int = 100, seed: int = 0
) -> Importance:
    """Importance of all property pairs for a trained `PROFiTNet`, over `samples` random materials of `table`."""
    if model.config.matrix != "profit":
        raise UserError("an ofmcnn model uses the valence block only; train a profitnet model to explain")
    if model.model is None:
        raise UserError("this model is not trained; call fit or load first")
    reference = model.features(background).features
    rows = np.sort(np.random.default_rng(seed).permutation(len(table))[:samples])
    made = model.features(table.take(rows))
    if reference is None or made.features is None:
        raise UserError(
            f"no material can be explained; the first reason is: {next(iter(made.errors.values()), 'no background')}"
        )
    base = reference.batch(np.arange(len(reference)))
    total, gap = np.zeros((ATOM, ATOM)), 0.0
    values = deep_shap(model.model, base, (made.features.batch(p) for p in _batches(len(made.rows))))
    for shap_values, difference in progress(values, total=-(-len(made.rows) // CHUNK), desc="explaining", unit="batch"):
        gap = max(gap, float(np.abs(shap_values.sum(axis=1) - difference).max()))
        total += np.abs(shap_values).sum(axis=0).reshape(ATOM, ATOM)
    sides = ("neighbour", "centre") if model.config.rows == "neighbour" else ("centre", "neighbour")
    return Importance(grouped(total), *sides, len(made.rows), gap, model.unit)


def grouped(entries: np.ndarray) -> np.ndarray:
    """Sums (11, 11) of the (136, 136) entries over pairs of property blocks, as fractions of the total."""
    sums = np.array([[entries[row, column].sum() for column in BLOCKS.values()] for row in BLOCKS.values()])
    return sums / sums.sum() if sums.sum() > 0 else sums


def deep_shap(network, background: np.ndarray, batches):
    """Per batch: SHAP values (n, entries) and their expected sums (n,), prediction minus mean of the background."""
    try:
        import shap
    except ImportError:
        raise UserError("shap is not installed; install the extra: pip install -e '.[explain]'") from None
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError("SHAP's DeepExplainer needs TensorFlow; run with KERAS_BACKEND=tensorflow")
    with warnings.catch_warnings():
        # shap warns about the TensorFlow version and Keras about a list input; both are harmless here.
        warnings.simplefilter("ignore")
        explainer = shap.DeepExplainer(network, background)
        mean = float(np.mean(network.predict_on_batch(background)))
        for batch in batches:
            values = np.asarray(explainer.shap_values(batch, check_additivity=False), dtype=np.float64)
            yield values.reshape(len(batch), -1), np.asarray(network.predict_on_batch(batch))[:, 0] - mean


def _batches(n: int) -> list[np.ndarray]:
    return [np.arange(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]
