"""Crystal graphs of the peer models: neighbours of every site within a cutoff, including periodic images."""

from __future__ import annotations

from functools import partial

import numpy as np

from common.chem.crystal import Crystal
from common.chem.element_vectors import element_vectors
from common.chem.lattice import pairs_within
from common.data.materials import MaterialsDataset
from common.features.featurized import Featurized
from common.features.graphs import GraphBatches, crystal_graphs, fill, filled, joined
from common.train.regressor import Regressor

#: Cache version: increase it whenever the neighbours change.
VERSION = "neighbours-1"
#: Neighbours whose distances differ by less (angstrom) are tied.
EQUAL = 1e-3


def neighbours(crystal: Crystal, cutoff: float, most: int = 0, ties: str = "share") -> dict[str, np.ndarray]:
    """Sites and pairs of a `Crystal` or a (numbers, lattice, frac) triple.

    numbers (n,); per pair centre and neighbour (e,), sorted by centre and distance, distance (e,) in angstrom, weight.

    most: largest number of neighbours per site, 0 for all. ties: how to treat equally distant neighbours at this limit;
    "cut" takes the first in the list of sites, "share" divides the remaining weight among all of them, so that neither
    the order of the sites nor the choice of the cell matters.
    """
    numbers, lattice, frac = crystal
    centre, neighbour, distance = pairs_within(lattice, frac, cutoff)
    order = np.lexsort((neighbour, distance, centre))
    centre, neighbour, distance = centre[order], neighbour[order], distance[order]
    weight = np.ones(len(centre))
    if most:
        degree = np.bincount(centre, minlength=len(numbers))
        start = np.cumsum(degree) - degree
        place = np.arange(len(centre)) - start[centre]
        if ties == "cut":
            weight = (place < most).astype(float)
        else:
            weight = _shared(centre, distance, start, degree, most)
    present = weight > 0
    return {
        "numbers": np.asarray(numbers),
        "centre": centre[present].astype(np.int32),
        "neighbour": neighbour[present].astype(np.int32),
        "distance": distance[present].astype(np.float32),
        "weight": weight[present].astype(np.float32),
    }


def _shared(centre, distance, start, degree, most: int) -> np.ndarray:
    """Weights that sum to `most` at every site with more neighbours."""
    full = degree > most
    last = np.full(len(degree), np.inf)
    last[full] = distance[start[full] + most - 1]
    nearer = distance < last[centre] - EQUAL
    tied = ~nearer & (distance < last[centre] + EQUAL)
    left = np.where(full, most - np.bincount(centre[nearer], minlength=len(degree)), 0)
    share = left / np.maximum(np.bincount(centre[tied], minlength=len(degree)), 1)
    return np.where(full[centre], np.where(tied, share[centre], nearer), 1.0)


class NeighbourGraphs(GraphBatches):
    """Graphs of many crystals; `batch(rows)` returns the inputs of a network, with distances (E,) as edges.

    nodes: element vectors (M, c), or atomic numbers (M,) if `vectors` is None.
    """

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        names = ("numbers", "centre", "neighbour", "distance", "weight")
        numbers, centre, neighbour, distance, weight = self.fields(rows, *names)
        graph, pairs = joined(numbers, centre, neighbour)
        z = numbers.values.astype(np.int64)
        nodes = z if self.vectors is None else self.vectors.table[z]
        return filled(nodes, pairs, weight.values, graph, np.ones(len(graph)), len(rows), distance.values)


class CrystalPeer(Regressor):
    """Base class of peer models on `NeighbourGraphs`; the configuration has `vectors`, `cutoff`, `most` and `ties`.

    A subclass with other graphs sets the function `graph`, its cache version and the class of the batches.
    """

    graph = staticmethod(neighbours)
    graph_version = VERSION
    batches = NeighbourGraphs

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        config = self.config
        vectors = element_vectors(config.vectors)
        make = partial(self.graph, cutoff=config.cutoff, most=config.most, ties=config.ties)
        name = f"{self.graph_version}-{config.cutoff:g}-{config.most}-{config.ties}"
        made = crystal_graphs(table, name, make, vectors.check, config.cutoff, jobs, self.store)
        return made.map(lambda graphs: self.batches(graphs, vectors))


def node_inputs(inputs: dict[str, np.ndarray], name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """The inputs with one more array per node, padded like the others."""
    return inputs | {name: fill(values, len(inputs["graph"]))}
