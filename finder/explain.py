"""What a trained network has learned: maps of its materials (Figure 5) and edge values of formulas (Figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common import plots
from common.data.materials import MaterialsDataset
from common.io.files import write_text
from common.io.text import as_json
from finder.embeddings import edge_matrix, material_vectors
from finder.figures import draw_embedding, embedding_correlation, embedding_map

PEROVSKITES = ("SrTiO3", "BaTiO3", "KNbO3", "CsPbI3")
METHODS = {"pca": "PCA", "tsne": "t-SNE"}


def explain(
    models: dict[str, object], table: MaterialsDataset, folder: str | Path, *, formulas: Sequence[str] = PEROVSKITES
) -> dict:
    """Draw maps of the materials in the vectors of every model, and edge matrices of those that learn edges.

    Returns, and writes to summary.json, Pearson's r between the distances of all pairs of materials: of each map with
    the vectors it was made from, and of the vectors of two models with each other.
    """
    folder, vectors = Path(folder), {}
    summary: dict = {"materials": 0, "maps": {}, "models": {}, "edges": {}}
    for name, model in models.items():
        made = material_vectors(model, table)
        valid, found = table.take(made.rows), made.features
        vectors[name] = dict(zip(valid.ids.tolist(), found, strict=True))
        values = model.predict(valid, bar=False).prediction
        label = plots.with_unit(f"predicted {model.target}", model.unit)
        for method, title in METHODS.items():
            points = embedding_map(found, method)
            draw_embedding(folder / f"{name}-{method}.png", points, values, label=label, name=f"{title}, {name}")
            summary["maps"][f"{name}, {title}"] = embedding_correlation(found, points)
        for formula in formulas if model.name == "finder" else ():
            symbols, matrix = edge_matrix(model, formula)
            summary["edges"].setdefault(name, {})[formula] = {"atoms": symbols, "values": np.round(matrix, 6).tolist()}
            path = folder / f"{name}-edges-{formula}.png"
            plots.heat_map(path, matrix, symbols, label="edge value", rows="to", columns="from", text="{:.2f}")
    names = list(vectors)
    for k, one in enumerate(names):
        for other in names[k + 1 :]:
            both = [i for i in vectors[one] if i in vectors[other]]
            pair = [np.array([vectors[name][i] for i in both]) for name in (one, other)]
            summary["models"][f"{one} and {other}"] = embedding_correlation(*pair)
    summary["materials"] = min(len(found) for found in vectors.values())
    write_text(folder / "summary.json", as_json(summary))
    return summary
