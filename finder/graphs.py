"""Graphs of formulas and crystals from plain arrays, and their padded batches.

A formula graph is complete: every atom of the smallest whole formula is a neighbour of every other. Atoms of one
element are alike, so it is kept as numbers and multiplicities of elements. A crystal graph has the sites of the
cell and edges between sites nearer than the cutoff.
"""

from __future__ import annotations

import numpy as np

from common.element_vectors import ElementVectors
from common.errors import UserError
from common.formula import integer_counts, parse_formula
from common.lattice import pairs_within
from common.ragged import Ragged
from finder.config import FinderConfig
from finder.model import GAUSSIANS

#: Raised whenever crystal graphs change, so that cached ones are made again.
GRAPH_VERSION = "finder-1"
WIDTH = 0.5  # of the Gaussians, angstrom


def formula_graph(formula: str, config: FinderConfig | None = None) -> dict[str, np.ndarray]:
    """Atomic numbers of the elements of a formula, and how many atoms each one has in the smallest whole formula.

    >>> formula_graph("Ba0.5Sr0.5TiO3")
    {'numbers': array([ 8, 22, 38, 56]), 'counts': array([6, 2, 1, 1])}
    """
    config = config or FinderConfig()
    try:
        counts = integer_counts(parse_formula(formula), limit=config.limit, tolerance=config.tolerance)
    except UserError as error:
        raise UserError(str(error) if formula in str(error) else f"{formula}: {error}") from None
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
        raise UserError(f"its smallest whole formula has {total:,} atoms, more than {config.limit}")
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


def bucket(n: int) -> int:
    """The next of the sizes 1 to 8, 10, 12, 14, 16, 20, 24, ...: few shapes, at most a quarter of padding."""
    if n <= 8:
        return max(int(n), 1)
    step = 2 ** (int(n - 1).bit_length() - 3)
    return -(-int(n) // step) * step


class FormulaGraphs:
    """Formula graphs of many materials: `batch(rows)` gives the inputs of the network."""

    def __init__(self, graphs: Ragged, vectors: ElementVectors):
        self.graphs, self.vectors = graphs, vectors

    def __len__(self) -> int:
        return len(self.graphs)

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        numbers, counts = (self.graphs.field(name).take(rows) for name in ("numbers", "counts"))
        members, there = _members(numbers.offset)
        graph = np.repeat(np.arange(len(rows)), np.diff(numbers.offset))
        weights = np.where(there, counts.values[np.where(there, members, 0)], 0).astype(np.float32)
        neighbours, pair_weights = members[graph], weights[graph]
        # An atom is no neighbour of itself, but of the others of its element.
        pair_weights[np.arange(len(graph)), np.arange(len(graph)) - numbers.offset[graph]] -= 1
        return _padded(self.vectors.table[numbers.values], neighbours, pair_weights, members, weights)


class CrystalGraphs:
    """Crystal graphs of many materials: `batch(rows)` gives the inputs of the network."""

    def __init__(self, graphs: Ragged, vectors: ElementVectors, last_centre: float = 4.75):
        self.graphs, self.vectors, self.last_centre = graphs, vectors, last_centre

    def __len__(self) -> int:
        return len(self.graphs)

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        names = ("numbers", "centre", "neighbour", "distance")
        numbers, centre, neighbour, distance = (self.graphs.field(name).take(rows) for name in names)
        shift = np.repeat(numbers.offset[:-1], np.diff(centre.offset))
        edges = gaussians(distance.values, self.last_centre)
        return from_disjoint(
            self.vectors.table[numbers.values],
            np.stack([centre.values + shift, neighbour.values + shift], axis=1),
            edges,
            np.repeat(np.arange(len(rows)), np.diff(numbers.offset)),
        )


def from_disjoint(nodes, pairs, edges, graph) -> dict[str, np.ndarray]:
    """Spektral's disjoint mode as inputs of the network.

    nodes (M, c); pairs (E, 2), atom and neighbour, sorted by atom; edges (E, d) or None; graph (M,), sorted.
    """
    sizes = np.bincount(graph)
    members, there = _members(np.concatenate([[0], np.cumsum(sizes)]))
    degree = np.bincount(pairs[:, 0], minlength=len(nodes))
    start = np.concatenate([[0], np.cumsum(degree)])[:-1]
    place = np.arange(len(pairs)) - start[pairs[:, 0]]
    width = max(int(degree.max(initial=0)), 1)
    neighbours = np.zeros((len(nodes), width), dtype=np.int32)
    weights = np.zeros((len(nodes), width), dtype=np.float32)
    neighbours[pairs[:, 0], place], weights[pairs[:, 0], place] = pairs[:, 1], 1
    features = None
    if edges is not None:
        features = np.zeros((len(nodes), width, edges.shape[1]), dtype=np.float32)
        features[pairs[:, 0], place] = edges
    return _padded(nodes, neighbours, weights, members, there.astype(np.float32), features)


def _members(offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (G, N) of the atoms of each graph in the flat list, and which of them are there."""
    sizes = np.diff(offset)
    place = np.arange(max(int(sizes.max(initial=0)), 1))
    there = place < sizes[:, None]
    return np.where(there, offset[:-1, None] + place, 0).astype(np.int32), there


def _padded(nodes, neighbours, weights, members, counts, edges=None) -> dict[str, np.ndarray]:
    """Atoms and places filled up to a bucket with empty ones, so that few shapes occur."""

    def fill(array, *sizes):
        out = np.zeros((*sizes, *array.shape[len(sizes) :]), dtype=array.dtype)
        out[tuple(slice(n) for n in array.shape[: len(sizes)])] = array
        return out

    m, k, n = bucket(len(nodes)), bucket(neighbours.shape[1]), bucket(members.shape[1])
    inputs = {
        "nodes": fill(nodes, m),
        "neighbours": fill(neighbours, m, k),
        "weights": fill(weights, m, k),
        "members": fill(members, len(members), n),
        "counts": fill(counts, len(counts), n),
    }
    return inputs if edges is None else inputs | {"edges": fill(edges, m, k)}
