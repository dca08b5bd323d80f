"""Wren: weighted soft attention between the occupied Wyckoff positions of a crystal.

R. E. A. Goodall, A. S. Parackal, F. A. Faber, R. Armiento and A. A. Lee, "Rapid discovery of stable materials by
coordinate-free coarse graining", Sci. Adv. 8, eabn4117 (2022), arXiv:2106.11132. Sizes are the defaults of the authors'
program, CompRhys/aviary, `aviary/wren/model.py`, the recipe that of `examples/wren-example.py` (which makes the dense
layers at the end smaller).

    M positions, A equivalent descriptions and G crystals in a batch

    input     nodes (M, 200) matscholar vectors; symmetry (M, 444); fractions (M,) of the atoms on a position
    symmetry  counts of the coordinate forms among the points of the position (x,y,z; -x,y,z; ...: 185) and of the
              offsets (0,0,1/2; ...: 248, of which the standard settings need 218), 6 crystal families, 5 centrings
    embed     v = [W v + b, W' [symmetry, fraction] + b']                                     (M, 64)
    layers    as Roost, with 3 message layers of one head and a pool of one                   (A, 64)
    average   over the equivalent descriptions of a crystal                                   (G, 64)
    head      as Roost                                                                        (G, 2)
    parameters  1,713,706 by the layer sizes of the program: embeddings 6,432 and 14,272, three message layers of
                82,754, pool 49,986, trunk 1,312,512, output network 82,242

Positions with the same letter and element are equivalent; one node with a count gives the same output.

Limits: coordinates, distances and the shape of the cell are not used. Without symmetry, only the formula and the number
of atoms remain, which enters through the fractions, so all P1 cells of one formula and size are equal. The description
depends on the symmetry tolerance, 0.1 angstrom.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from common.baselines.neighbours import node_inputs
from common.baselines.roost import Roost, RoostConfig, attend, head
from common.chem.crystal import Crystal
from common.chem.element_vectors import ElementVectors, element_vectors
from common.chem.protostructure import equivalent, wyckoff_sites
from common.chem.wyckoff import CENTRINGS, FAMILIES, family, halves, space_groups
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.featurized import Featurized
from common.features.graphs import GraphBatches, all_pairs, bucket, checked_features, fill, filled
from common.features.ragged import Ragged
from common.nn import losses

#: Cache version: increase it whenever the positions change.
VERSION = "wren-1"
FORMS, OFFSETS, CENTRING = 185, 248, "PCIFR"
SYMMETRY = FORMS + OFFSETS + len(FAMILIES) + len(CENTRING)


@dataclass(frozen=True)
class WrenConfig(RoostConfig):
    """As `RoostConfig`. channels, symmetry: widths of the element embedding and the symmetry embedding.
    limit: largest number of pairs of positions over all equivalent descriptions of a crystal.
    """

    channels: int = 32
    symmetry: int = 32
    heads: int = 1
    limit: int = 100_000


@lru_cache(maxsize=1)
def symmetry_vectors() -> tuple[np.ndarray, dict[tuple[int, str], int]]:
    """The vectors (1731, 444) of all Wyckoff positions, and (space group, letter) -> row."""
    rows = {}
    forms, offsets = Counter(), Counter()
    for number, group in space_groups().items():
        for letter, points in group.positions.items():
            rows[number, letter] = len(rows)
            for point in points:
                form, offset = halves(point)
                forms.setdefault(form, len(forms))
                offsets.setdefault(offset, len(offsets))
    table = np.zeros((len(rows), SYMMETRY), dtype=np.float32)
    for (number, letter), row in rows.items():
        group = space_groups()[number]
        for point in group.positions[letter]:
            form, offset = halves(point)
            table[row, forms[form]] += CENTRINGS[group.centring]
            table[row, FORMS + offsets[offset]] += CENTRINGS[group.centring]
        table[row, FORMS + OFFSETS + list(FAMILIES).index(family(number))] = 1
        table[row, -len(CENTRING) + CENTRING.index(group.centring.replace("A", "C"))] = 1
    return table, rows


def wyckoff_graph(crystal: Crystal, limit: int) -> dict[str, np.ndarray]:
    """The occupied positions in all equivalent descriptions, concatenated.

    Per node numbers, places (rows of `symmetry_vectors`), fractions, counts; per description sizes (nodes).
    """
    sites = wyckoff_sites(crystal)
    _, rows = symmetry_vectors()
    group = space_groups()[sites.group]
    atoms = [group.multiplicity(letter) for letter in sites.letters]
    nodes, sizes = [], []
    for letters in equivalent(sites):
        occupied = Counter(zip(sites.numbers, letters, atoms, strict=True))
        sizes.append(len(occupied))
        nodes += [(z, rows[sites.group, letter], n / sum(atoms), m) for (z, letter, n), m in sorted(occupied.items())]
    if (pairs := sum(n**2 for n in sizes)) > limit:
        raise UserError(
            f"its {sizes[0]} kinds of Wyckoff positions in {len(sizes)} equivalent descriptions make {pairs:,} pairs; "
            f"Wren accepts {limit:,} (limit=...)"
        )
    numbers, places, fractions, counts = (np.array(column) for column in zip(*nodes, strict=True))
    return {
        "numbers": numbers,
        "places": places,
        "fractions": fractions.astype(np.float32),
        "counts": counts,
        "sizes": np.array(sizes),
    }


class WyckoffGraphs(GraphBatches):
    """The occupied positions of many crystals; `batch(rows)` returns the inputs of the network."""

    def __init__(self, graphs: Ragged, vectors: ElementVectors):
        super().__init__(graphs, vectors)
        self.symmetry, _ = symmetry_vectors()

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        names = ("numbers", "places", "fractions", "counts", "sizes")
        numbers, places, fractions, counts, sizes = self.fields(rows, *names)
        pairs, graph = all_pairs(sizes.values), np.repeat(np.arange(len(sizes.values)), sizes.values)
        n = bucket(len(sizes.values))
        nodes = self.vectors.table[numbers.values]
        inputs = filled(nodes, pairs, counts.values[pairs[:, 1]], graph, counts.values, n)
        inputs = node_inputs(inputs, "fractions", fractions.values)
        inputs = node_inputs(inputs, "symmetry", self.symmetry[places.values])
        whole = np.repeat(np.arange(len(rows)), np.diff(sizes.offset))
        copies = {"copies": fill(np.ones(len(whole)), n), "whole": fill(whole, n)}
        return inputs | copies | {"crystals": np.ones(len(rows), dtype=np.float32)}


def build_wren(config: WrenConfig | None = None, *, uncertain: bool = True):
    """The functional Keras model.

    uncertain: whether the network outputs the logarithm of a scale with the mean.
    """
    from keras import Input, Model, ops
    from keras.layers import Concatenate, Dense

    from common.baselines.layers import MeanPool, uniform

    config = config or WrenConfig()
    inputs = {"nodes": Input((len(element_vectors(config.vectors)),), name="nodes")}
    inputs |= {"symmetry": Input((SYMMETRY,), name="symmetry")}
    inputs |= {name: Input((), dtype="int32", name=name) for name in ("firsts", "seconds", "graph", "whole")}
    names = ("weights", "counts", "sizes", "fractions", "copies", "crystals")
    inputs |= {name: Input((), name=name) for name in names}
    symmetry = Concatenate()([inputs["symmetry"], ops.expand_dims(inputs["fractions"], -1)])
    x = Dense(config.channels, kernel_initializer=uniform(), name="embedding")(inputs["nodes"])
    symmetry = Dense(config.symmetry, kernel_initializer=uniform(), name="symmetry_embedding")(symmetry)
    x = attend(Concatenate()([x, symmetry]), inputs, config)
    x = MeanPool(name="average")(x, inputs["copies"], inputs["whole"], inputs["crystals"])
    return Model(inputs, head(x, config, uncertain), name="wren")


class Wren(Roost):
    """Crystal -> occupied Wyckoff positions -> weighted soft attention between them -> a property, its uncertainty.

    >>> model = Wren(epochs=50).fit(table, "formation_energy", split)
    """

    name = "wren"
    variants = {"released": WrenConfig(), "corrected": WrenConfig()}
    predict_batch = 512

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        vectors = element_vectors(self.config.vectors)
        make = partial(wyckoff_graph, limit=self.config.limit)
        made = checked_features(table, f"{VERSION}-{self.config.limit}", make, vectors.check, jobs, self.store)
        return made.map(lambda graphs: WyckoffGraphs(graphs, vectors))

    @property
    def needs(self) -> str:
        return "structure"

    def build(self):
        return build_wren(self.config, uncertain=losses.with_uncertainty(self.recipe.loss))
