"""Pictures of a trained network: maps of its material embeddings (Figure 5) and edge values of formulas (Figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from common import plots
from common.data.materials import MaterialsDataset
from common.io.files import write_text
from common.io.text import as_json
from finder.embeddings import edge_matrix, material_vectors
from finder.figures import draw_embedding, embedding_correlation, embedding_map
from finder.regressor import Finder

PEROVSKITES = ("SrTiO3", "BaTiO3", "KNbO3", "CsPbI3")
METHODS = {"pca": "PCA", "tsne": "t-SNE"}


def explain(
    models: dict[str, Finder], table: MaterialsDataset, folder: str | Path, *, formulas: Sequence[str] = PEROVSKITES
) -> dict:
    """Draw maps of the material embeddings of every model, and edge matrices of the models that learn edge values.

    Returns, and writes to summary.json, Pearson's r between the distances of all pairs of materials: of each map with
    the embedding it projects, and of the embeddings of two models.
    """
    folder, vectors = Path(folder), {}
    summary: dict = {"materials": 0, "maps": {}, "models": {}, "edges": {}}
    for name, model in models.items():
        made = model.features(table)
        embedding = material_vectors(model, made)
        vectors[name] = dict(zip(table.ids[made.rows].tolist(), embedding, strict=True))
        values = model.predict_features(table, made, bar=False).prediction
        label = plots.with_unit(f"predicted {model.target}", model.unit)
        for method, title in METHODS.items():
            points = embedding_map(embedding, method)
            draw_embedding(folder / f"{name}-{method}.png", points, values, label=label, name=f"{title}, {name}")
            summary["maps"][f"{name}, {title}"] = embedding_correlation(embedding, points)
        for formula in formulas if model.name == "finder" else ():
            symbols, matrix = edge_matrix(model, formula)
            summary["edges"].setdefault(name, {})[formula] = {"atoms": symbols, "values": np.round(matrix, 6).tolist()}
            path = folder / f"{name}-edges-{formula}.png"
            plots.heat_map(path, matrix, symbols, label="edge value", rows="to", columns="from", text="{:.2f}")
    for one, other in combinations(vectors, 2):
        common_ids = [i for i in vectors[one] if i in vectors[other]]
        pair = [np.array([vectors[name][i] for i in common_ids]) for name in (one, other)]
        summary["models"][f"{one} and {other}"] = embedding_correlation(*pair)
    summary["materials"] = min(map(len, vectors.values()))
    write_text(folder / "summary.json", as_json(summary))
    return summary
