"""Graphs of formulas and crystals as plain arrays, and their batches.

A formula graph is complete: every atom of the reduced formula is a neighbour of every other. Atoms of one element are
equivalent, so it is stored as one node per element with a multiplicity. A crystal graph has the sites of the cell as
nodes and edges between sites within the cutoff.
"""

from __future__ import annotations

import numpy as np

from common.chem.crystal import Crystal
from common.chem.element_vectors import ElementVectors
from common.chem.formula import integer_counts, parse_formula, reduced_formula, same_ratio
from common.chem.lattice import pairs_within
from common.errors import UserError
from common.features.graphs import GraphBatches, all_pairs, filled, joined
from common.features.ragged import Ragged
from finder.config import FinderConfig
from finder.model import GAUSSIANS

#: Cache version: increase it whenever crystal graphs change.
GRAPH_VERSION = "finder-1"
#: Width of the Gaussians, angstrom.
WIDTH = 0.5


def formula_graph(
    formula: str, config: FinderConfig | None = None, approximated: list[str] | None = None
) -> dict[str, np.ndarray]:
    """Atomic numbers of the elements of a formula, and their numbers of atoms in the reduced formula.

    An approximated formula is appended to `approximated`, as "Fe0.333Ni0.667 by FeNi2".

    >>> formula_graph("Ba0.5Sr0.5TiO3")
    {'numbers': array([ 8, 22, 38, 56]), 'counts': array([6, 2, 1, 1])}
    """
    config = config or FinderConfig()
    try:
        amounts = parse_formula(formula)
        counts = integer_counts(amounts, limit=config.limit, tolerance=config.tolerance)
    except UserError as error:
        raise UserError(str(error) if formula in str(error) else f"{formula}: {error}") from None
    if approximated is not None and not same_ratio(amounts, counts):
        approximated.append(f"{formula} by {reduced_formula(counts)}")
    numbers = sorted(counts)
    return {"numbers": np.array(numbers), "counts": np.array([counts[z] for z in numbers])}


def crystal_graph(crystal: Crystal, config: FinderConfig | None = None) -> dict[str, np.ndarray]:
    """Nodes and edges of a `Crystal` or a (numbers, lattice, frac) triple.

    numbers (n,); centre (e,) and neighbour (e,), site indices sorted by centre; distance (e,) in angstrom.
    """
    config = config or FinderConfig(mode="crystal")
    numbers, lattice, frac = crystal
    numbers = np.asarray(numbers)
    counts = np.unique(numbers, return_counts=True)[1]
    if (total := counts.sum() // np.gcd.reduce(counts)) > config.limit:
        raise UserError(f"its reduced formula has {total:,} atoms, more than {config.limit}")
    centre, neighbour, distance = pairs_within(lattice, frac, config.cutoff)
    if config.images == "nearest":
        other = neighbour != centre
        centre, neighbour, distance = centre[other], neighbour[other], distance[other]
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
    """Atoms listed element by element in order of first appearance, as in the released program."""
    _, first, group = np.unique(numbers, return_index=True, return_inverse=True)
    return numbers[np.argsort(first[group], kind="stable")]


def gaussians(distance: np.ndarray, last_centre: float = 4.75) -> np.ndarray:
    """Distances (...) in angstrom -> (..., 20): exp(-((d - centre) / 0.5)^2)."""
    centres = np.linspace(0.0, last_centre, GAUSSIANS, dtype=np.float32)
    return np.exp(-(((distance[..., None] - centres) / np.float32(WIDTH)) ** 2))


class FormulaGraphs(GraphBatches):
    """Formula graphs of many materials; `batch(rows)` returns the inputs of the network."""

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        numbers, counts = self.fields(rows, "numbers", "counts")
        sizes = np.diff(numbers.offset)
        graph = np.repeat(np.arange(len(rows)), sizes)
        pairs = all_pairs(sizes)
        # An atom is not its own neighbour, but a neighbour of the other atoms of its element.
        weights = counts.values[pairs[:, 1]] - (pairs[:, 0] == pairs[:, 1])
        nodes, present = self.vectors.table[numbers.values], weights > 0
        return filled(nodes, pairs[present], weights[present], graph, counts.values, len(rows))


class CrystalGraphs(GraphBatches):
    """Crystal graphs of many materials; `batch(rows)` returns the inputs of the network."""

    def __init__(self, graphs: Ragged, vectors: ElementVectors, last_centre: float = 4.75):
        super().__init__(graphs, vectors)
        self.last_centre = last_centre

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        numbers, centre, neighbour, distance = self.fields(rows, "numbers", "centre", "neighbour", "distance")
        graph, pairs = joined(numbers, centre, neighbour)
        half = one_way(pairs)
        edges = gaussians(distance.values[half], self.last_centre)
        nodes = self.vectors.table[numbers.values]
        return filled(nodes, pairs[half], np.ones(len(half)), graph, np.ones(len(graph)), len(rows), edges)


def one_way(pairs: np.ndarray) -> np.ndarray:
    """Indices of one of the two directions of every directed pair (E, 2).

    The pairs of a site with its own images come in twos of equal distance, next to each other.
    """
    itself = pairs[:, 0] == pairs[:, 1]
    return np.flatnonzero((pairs[:, 0] < pairs[:, 1]) | (itself & (np.cumsum(itself) % 2 == 1)))


def from_disjoint(
    nodes: np.ndarray, pairs: np.ndarray, edges: np.ndarray | None, graph: np.ndarray
) -> dict[str, np.ndarray]:
    """Inputs of the network from graphs in Spektral's disjoint mode.

    nodes (M, c); pairs (E, 2) of atom and neighbour in both directions, sorted by atom; edges (E, d), equal in both
    directions, or None; graph (M,), sorted.
    """
    weights, n_graphs = np.ones(len(pairs)), int(graph.max(initial=-1)) + 1
    if edges is not None:
        half = one_way(pairs)
        if 2 * len(half) != len(pairs):
            raise UserError("crystal graphs need every pair in both directions; add the missing reverse pairs")
        pairs, weights, edges = pairs[half], weights[half], edges[half]
    return filled(nodes, pairs, weights, graph, np.ones(len(nodes)), n_graphs, edges)
