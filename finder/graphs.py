"""Graphs of formulas and crystals from plain arrays, and their padded batches.

A formula graph is complete: every atom of the smallest whole formula is a neighbour of every other. Atoms of one
element are alike, so it is kept as numbers and multiplicities of elements. A crystal graph has the sites of the
cell and edges between sites nearer than the cutoff.
"""

from __future__ import annotations

import numpy as np

from common.chem.element_vectors import ElementVectors
from common.chem.elements import SYMBOLS
from common.chem.formula import integer_counts, parse_formula, same_ratio
from common.chem.lattice import pairs_within
from common.errors import UserError
from common.features.graphs import all_pairs, filled, joined
from common.features.ragged import Ragged
from finder.config import FinderConfig
from finder.model import GAUSSIANS

#: Raised whenever crystal graphs change, so that cached ones are made again.
GRAPH_VERSION = "finder-1"
WIDTH = 0.5  # of the Gaussians, angstrom


def formula_graph(
    formula: str, config: FinderConfig | None = None, coarse: list | None = None
) -> dict[str, np.ndarray]:
    """Atomic numbers of the elements of a formula, and how many atoms each one has in the smallest whole formula.

    A formula that a coarser one stands in for is added to `coarse`, as "Fe0.333Ni0.667 as FeNi2".

    >>> formula_graph("Ba0.5Sr0.5TiO3")
    {'numbers': array([ 8, 22, 38, 56]), 'counts': array([6, 2, 1, 1])}
    """
    config = config or FinderConfig()
    try:
        amounts = parse_formula(formula)
        counts = integer_counts(amounts, limit=config.limit, tolerance=config.tolerance)
    except UserError as error:
        raise UserError(str(error) if formula in str(error) else f"{formula}: {error}") from None
    if coarse is not None and not same_ratio(amounts, counts):
        coarse.append(f"{formula} as {''.join(SYMBOLS[z] + (str(n) if n > 1 else '') for z, n in counts.items())}")
    numbers = sorted(counts)
    return {"numbers": np.array(numbers), "counts": np.array([counts[z] for z in numbers])}


def crystal_graph(crystal, config: FinderConfig | None = None) -> dict[str, np.ndarray]:
    """Sites and edges of a (numbers, lattice, frac) triple.

    numbers (n,), centre (e,) and neighbour (e,) site numbers, sorted by centre, distance (e,) in angstrom.
    """
    config = config or FinderConfig(mode="crystal")
    numbers, lattice, frac = crystal
    numbers = np.asarray(numbers)
    counts = np.unique(numbers, return_counts=True)[1]
    if (total := counts.sum() // np.gcd.reduce(counts)) > config.limit:
        raise UserError(f"its reduced formula has {total:,} atoms, more than {config.limit}")
    centre, neighbour, distance = pairs_within(lattice, frac, config.cutoff)
    if config.images == "nearest":
        keep = neighbour != centre
        centre, neighbour, distance = centre[keep], neighbour[keep], distance[keep]
    order = np.lexsort((distance, neighbour, centre))
    centre, neighbour, distance = centre[order], neighbour[order], distance[order]
    if config.images == "nearest" and len(centre):
        first = np.append(True, (np.diff(centre) != 0) | (np.diff(neighbour) != 0))
        centre, neighbour, distance = centre[first], neighbour[first], distance[first]
    return {
        "numbers": grouped(numbers) if config.order == "grouped" else numbers,
        "centre": centre.astype(np.int32),
        "neighbour": neighbour.astype(np.int32),
        "distance": distance.astype(np.float32),
    }


def grouped(numbers: np.ndarray) -> np.ndarray:
    """The atoms listed element by element in order of first appearance, as the released program lists them."""
    _, first, group = np.unique(numbers, return_index=True, return_inverse=True)
    return numbers[np.argsort(first[group], kind="stable")]


def gaussians(distance: np.ndarray, last_centre: float = 4.75) -> np.ndarray:
    """Distances (...) in angstrom -> (..., 20): exp(-((d - centre) / 0.5)^2)."""
    centres = np.linspace(0.0, last_centre, GAUSSIANS, dtype=np.float32)
    return np.exp(-(((distance[..., None] - centres) / np.float32(WIDTH)) ** 2))


class FormulaGraphs:
    """Formula graphs of many materials: `batch(rows)` gives the inputs of the network."""

    def __init__(self, graphs: Ragged, vectors: ElementVectors):
        self.graphs, self.vectors = graphs, vectors

    def __len__(self) -> int:
        return len(self.graphs)

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        numbers, counts = (self.graphs.field(name).take(rows) for name in ("numbers", "counts"))
        sizes = np.diff(numbers.offset)
        graph = np.repeat(np.arange(len(rows)), sizes)
        pairs = all_pairs(sizes)
        # An atom is no neighbour of itself, but of the others of its element.
        weights = counts.values[pairs[:, 1]] - (pairs[:, 0] == pairs[:, 1])
        there = weights > 0
        return filled(self.vectors.table[numbers.values], pairs[there], weights[there], graph, counts.values, len(rows))


class CrystalGraphs:
    """Crystal graphs of many materials: `batch(rows)` gives the inputs of the network."""

    def __init__(self, graphs: Ragged, vectors: ElementVectors, last_centre: float = 4.75):
        self.graphs, self.vectors, self.last_centre = graphs, vectors, last_centre

    def __len__(self) -> int:
        return len(self.graphs)

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        names = ("numbers", "centre", "neighbour", "distance")
        numbers, centre, neighbour, distance = (self.graphs.field(name).take(rows) for name in names)
        graph, pairs = joined(numbers, centre, neighbour)
        kept = one_way(pairs)
        edges = gaussians(distance.values[kept], self.last_centre)
        nodes = self.vectors.table[numbers.values]
        return filled(nodes, pairs[kept], np.ones(len(kept)), graph, np.ones(len(graph)), len(rows), edges)


def one_way(pairs: np.ndarray) -> np.ndarray:
    """Places of those of the directed pairs (E, 2) that stand for both directions.

    Pairs of a site with its own images come in twos of one distance, next to each other.
    """
    itself = pairs[:, 0] == pairs[:, 1]
    return np.flatnonzero((pairs[:, 0] < pairs[:, 1]) | (itself & (np.cumsum(itself) % 2 == 1)))


def from_disjoint(nodes, pairs, edges, graph) -> dict[str, np.ndarray]:
    """Spektral's disjoint mode as inputs of the network.

    nodes (M, c); pairs (E, 2), atom and neighbour, both ways of each, sorted by atom; edges (E, d), the same both
    ways, or None; graph (M,), sorted.
    """
    weights, n_graphs = np.ones(len(pairs)), int(graph.max(initial=-1)) + 1
    if edges is not None:
        kept = one_way(pairs)
        if 2 * len(kept) != len(pairs):
            raise UserError("crystal graphs need every pair both ways; some of these have no way back")
        pairs, weights, edges = pairs[kept], weights[kept], edges[kept]
    return filled(nodes, pairs, weights, graph, np.ones(len(nodes)), n_graphs, edges)
