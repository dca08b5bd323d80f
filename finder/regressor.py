"""Finder on formula graphs and on crystal graphs, as regressors: features, network, training recipe."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from types import ModuleType

import numpy as np

from common.chem.element_vectors import element_vectors
from common.data.materials import MaterialsDataset, Target
from common.errors import UserError
from common.features.cache import each_formula
from common.features.featurized import Featurized
from common.features.graphs import crystal_graphs
from common.features.ragged import Ragged
from common.nn import losses
from common.train.recipes.recipe import COSINE, Recipe
from common.train.regressor import Regressor
from finder.config import VARIANTS
from finder.graphs import GRAPH_VERSION, CrystalGraphs, FormulaGraphs, crystal_graph, formula_graph
from finder.model import build_finder

IMPLEMENTATIONS = ("keras", "spektral")


class Finder(Regressor):
    """Formula -> complete graph of its atoms -> self-attention message passing -> a property with its uncertainty.

    >>> model = Finder(epochs=50).fit(table, "band_gap", split)
    >>> model.predict(other_table).std

    Keyword arguments change the configuration or the recipe: `Finder(layers=3, vectors="onehot", epochs=50)`.
    implementation: "keras", or "spektral" for the same network with the same weights on Spektral's layers and loader.
    """

    name = "finder"
    mode = "formula"
    variants = VARIANTS
    predict_batch = 512
    #: Robust L1, Adam 3e-4 times 0.999 per epoch, batch size 128, 1200 epochs, patience 300, standardized targets.
    recipe = Recipe(
        loss="robust_l1",
        learning_rate=3e-4,
        batch=128,
        epochs=1200,
        patience=300,
        decay=0.999,
        standardize=True,
        xla=True,
    )
    recipes = {
        "paper": {},
        "fast": {**COSINE, "learning_rate": 1e-3, "epochs": 40, "decay": 1.0, "patience": 0},
    }
    #: The released program overwrites its best weights every epoch; the article decays the learning rate per update.
    recipe_of = {"released": {"keep": "last"}, "paper": {"decay_every": "update"}, "corrected": {}}

    def __init__(self, variant: str = "corrected", *, implementation: str = "keras", seed: int = 0, **changes):
        if implementation not in IMPLEMENTATIONS:
            names = ", ".join(IMPLEMENTATIONS)
            raise UserError(f"unknown implementation {implementation!r}; choose one of {names}")
        super().__init__(variant, seed=seed, mode=self.mode, **changes)
        self.implementation = implementation

    def shape_for(self, target: Target) -> None:
        self.config = replace(self.config, outputs=1 if target.values.ndim == 1 else target.values.shape[1])

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        vectors = element_vectors(self.config.vectors)
        approximated: list[str] = []

        def graph_of(formula: str) -> dict[str, np.ndarray]:
            graph = formula_graph(formula, self.config, approximated)
            vectors.check(graph["numbers"])
            return graph

        made = each_formula(table, graph_of)
        if approximated:
            text = "{} of {} formulas need more than {} atoms and are approximated, {}{}"
            rest = ", ..." if len(approximated) > 1 else ""
            first = approximated[0]
            warnings.warn(text.format(len(approximated), len(table), self.config.limit, first, rest), stacklevel=2)
        return made.map(lambda graphs: self._for_implementation(FormulaGraphs(Ragged.stack(graphs), vectors)))

    def _for_implementation(self, batches):
        if self.implementation == "spektral":
            return _spektral_layers().DisjointBatches(batches)
        return batches

    @property
    def needs(self) -> str:
        return "formula" if self.mode == "formula" else "structure"

    def build(self):
        build = _spektral_layers().build_spektral_finder if self.implementation == "spektral" else build_finder
        return build(config=self.config, uncertain=losses.with_uncertainty(self.recipe.loss))


def _spektral_layers() -> ModuleType:
    try:
        from finder import spektral_layers
    except ImportError:
        raise UserError(
            "Spektral is not installed (it does not support macOS on Apple silicon); use implementation='keras'"
        ) from None
    return spektral_layers


class CrystalFinder(Finder):
    """Crystal -> graph of sites within 4 angstrom -> the same network."""

    name = "finder-crystal"
    mode = "crystal"
    recipes = {"paper": {}, "fast": {**Finder.recipes["fast"], "epochs": 60, "batch": 32}}

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        config = self.config
        name = f"{GRAPH_VERSION}-{config.cutoff:g}-{config.limit}-{config.images}-{config.order}"
        vectors = element_vectors(config.vectors)
        make = partial(crystal_graph, config=config)
        made = crystal_graphs(table, name, make, vectors.check, config.cutoff, jobs, self.store)
        return made.map(lambda graphs: self._for_implementation(CrystalGraphs(graphs, vectors, config.last_centre)))
