"""Batches of graphs as flat lists of atoms and pairs, and crystal graphs with what they are left out for.

The lists of a batch: nodes (M, c), what is known of every atom; firsts and seconds (E,), the atoms of every pair;
weights (E,); graph (M,), which graph an atom belongs to; counts (M,), for how many it stands; sizes (G,), atoms of
every graph; edges (E, d), what is known of every pair.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np

from common.chem.crystal import Crystal
from common.chem.element_vectors import ElementVectors
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.cache import DISK_CACHE, featurize
from common.features.featurized import FeatureStore, Featurized
from common.features.ragged import Flat, Ragged


def bucket(n: int) -> int:
    """The next of the sizes 1 to 8, 10, 12, 14, 16, 20, 24, ...: few shapes, at most a quarter of padding."""
    if n <= 8:
        return max(int(n), 1)
    step = 1 << (int(n - 1).bit_length() - 3)
    return -(-int(n) // step) * step


def fill(array: np.ndarray, n: int, value: float = 0) -> np.ndarray:
    """The array, filled up to n rows, as int32 or float32."""
    out = np.full((n, *array.shape[1:]), value, dtype=np.int32 if array.dtype.kind in "iu" else np.float32)
    out[: len(array)] = array
    return out


def filled(
    nodes: np.ndarray,
    pairs: np.ndarray,
    weights: np.ndarray,
    graph: np.ndarray,
    counts: np.ndarray,
    n_graphs: int,
    edges: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Lists of atoms and pairs filled up to a bucket, so that few shapes occur.

    Filling pairs have weight 0 and touch only the last atom, which belongs to no graph; so no mask is needed.
    """
    m, e = bucket(len(nodes) + 1), bucket(max(len(pairs), 1))
    inputs = {
        "nodes": fill(nodes, m),
        "firsts": fill(pairs[:, 0], e, m - 1),
        "seconds": fill(pairs[:, 1], e, m - 1),
        "weights": fill(np.asarray(weights, dtype=np.float32), e),
        "graph": fill(graph, m),
        "counts": fill(np.asarray(counts, dtype=np.float32), m),
        "sizes": np.bincount(graph, counts, minlength=n_graphs).astype(np.float32),
    }
    return inputs if edges is None else inputs | {"edges": fill(edges, e)}


def joined(numbers: Flat, centre: Flat, neighbour: Flat) -> tuple[np.ndarray, np.ndarray]:
    """Crystals as one list: the crystal of every atom (M,), and the pairs (E, 2) counted through all atoms."""
    graph = np.repeat(np.arange(len(numbers)), np.diff(numbers.offset))
    shift = np.repeat(numbers.offset[:-1], np.diff(centre.offset))
    return graph, np.stack([centre.values + shift, neighbour.values + shift], axis=1)


def all_pairs(sizes: np.ndarray) -> np.ndarray:
    """All ordered pairs (E, 2) of atoms of graphs of these sizes, an atom with itself too, sorted by the first."""
    graph = np.repeat(np.arange(len(sizes)), sizes)
    firsts = np.repeat(np.arange(len(graph)), sizes[graph])
    seconds = np.arange(len(firsts)) - np.repeat(np.cumsum(sizes[graph]) - sizes[graph], sizes[graph])
    return np.stack([firsts, seconds + (np.cumsum(sizes) - sizes)[graph[firsts]]], axis=1)


class GraphBatches:
    """Base class of the graphs of many materials; a subclass defines `batch(rows)`, the inputs of a network."""

    def __init__(self, graphs: Ragged, vectors: ElementVectors | None):
        self.graphs, self.vectors = graphs, vectors

    def __len__(self) -> int:
        return len(self.graphs)

    def fields(self, rows: np.ndarray, *names: str) -> Iterator[Flat]:
        """Fields of these rows by name."""
        return (self.graphs.field(name).take(rows) for name in names)


def checked_features(
    table: MaterialsDataset,
    name: str,
    function: Callable[[Crystal], dict[str, np.ndarray]],
    check: Callable[[np.ndarray], None],
    jobs: int = 1,
    store: FeatureStore = DISK_CACHE,
) -> Featurized:
    """As `featurize`, less the crystals whose `numbers` do not pass the `check`, such as `ElementVectors.check`."""
    made = featurize(table, name, function, jobs=jobs, store=store)
    accepted, refused = [], {}
    for place, row in enumerate(made.rows):
        try:
            check(made.features.field("numbers").row(place))
            accepted.append(place)
        except UserError as error:
            refused[str(table.ids[row])] = str(error)
    return made.select(accepted, refused) if refused else made


def crystal_graphs(
    table: MaterialsDataset,
    name: str,
    function: Callable[[Crystal], dict[str, np.ndarray]],
    check: Callable[[np.ndarray], None],
    cutoff: float,
    jobs: int = 1,
    store: FeatureStore = DISK_CACHE,
) -> Featurized:
    """`checked_features` with the field centre, the first atom of every pair; says how many crystals have no pairs."""
    made = checked_features(table, name, function, check, jobs, store)
    lonely = [] if made.features is None else table.ids[made.rows[np.diff(made.features.field("centre").offset) == 0]]
    if len(lonely):
        text = "{} of {} crystals have no two sites within {:g} angstrom (the first is {}): only their elements count"
        warnings.warn(text.format(len(lonely), len(made.rows), cutoff, lonely[0]), stacklevel=3)
    return made
