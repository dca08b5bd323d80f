"""OGCNN: CGCNN with orbital field matrices as node features, through an encoder and decoder.

M. Karamad, R. Magar, Y. Shi, S. Siahrostami, I. D. Gates and A. Barati Farimani, "Orbital graph convolutional neural
network for material property prediction", Phys. Rev. Materials 4, 093801 (2020). Graph, convolutions, head and recipe
are those of CGCNN. The differences:

    field     every atom's orbital field matrix, 32 x 32, over its Voronoi neighbours k:
              O_i outer  sum over k of (solid angle_k / largest) / r_k * O_k,
              O the 32 valence orbitals (s1 s2 p1 ... f14), r in angstrom; with O_i itself 1,056 features
    embed     [92 numbers of CGCNN, 1,056] -> dense 128, softplus (encoder) -> dense 64 (decoder)
    parameters  230,209: encoder (1,148 + 1) * 128, decoder (128 + 1) * 64, CGCNN's without its embedding 74,881

The authors' program (RishikeshMagar/OGCNN) was not available. A later program based on it, modelna/BE_OGCNN, shows that
encoder and decoder are two dense layers with a softplus between them on 92 + 1,056 features; its widths (768 and 1,536)
are its own. The widths 128 and 64, those of CGCNN, are our choice, and the number of parameters is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.baselines.cgcnn import CGCNN, CGCNNConfig, convolve, graph_inputs
from common.baselines.neighbours import VERSION, NeighbourGraphs, neighbours, node_inputs
from common.chem.crystal import Crystal, as_crystal
from common.chem.element_vectors import element_vectors
from common.chem.valence import VALENCE, valence_vectors
from common.chem.voronoi import voronoi_faces
from common.errors import UserError


@dataclass(frozen=True)
class OGCNNConfig(CGCNNConfig):
    """As `CGCNNConfig`. encoder: width of the encoder."""

    encoder: int = 128


def orbital_field(crystal: Crystal) -> np.ndarray:
    """Weighted sum of the valence orbitals of the neighbours of every site, (n, 32); the columns of its matrix."""
    crystal = as_crystal(crystal)
    table = valence_vectors()
    if crystal.numbers.max() >= len(table):
        raise UserError(f"atomic number {crystal.numbers.max()} has no valence orbitals; the table ends at fermium")
    faces = voronoi_faces(crystal)
    largest = np.zeros(len(crystal.numbers))
    np.maximum.at(largest, faces.centre, faces.solid_angle)
    weights = faces.solid_angle / largest[faces.centre] / faces.distance
    field = np.zeros((len(crystal.numbers), VALENCE))
    np.add.at(field, faces.centre, weights[:, None] * table[crystal.numbers[faces.neighbour]])
    return field


def orbital_graph(crystal: Crystal, cutoff: float, most: int, ties: str) -> dict[str, np.ndarray]:
    """The neighbours of a crystal and its flattened orbital field."""
    field = orbital_field(crystal).astype(np.float32).reshape(-1)
    return neighbours(crystal, cutoff, most, ties) | {"field": field}


class OrbitalGraphs(NeighbourGraphs):
    """`NeighbourGraphs` with the valence orbitals of the atoms and of their neighbours."""

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        inputs = super().batch(rows)
        numbers, field = self.fields(rows, "numbers", "field")
        own = valence_vectors()[numbers.values].astype(np.float32)
        return node_inputs(node_inputs(inputs, "own", own), "field", field.values.reshape(-1, VALENCE))


def build_ogcnn(config: OGCNNConfig | None = None):
    """The functional Keras model."""
    from keras import Input, Model, ops
    from keras.layers import Concatenate, Dense, Reshape

    from common.baselines.layers import uniform

    config = config or OGCNNConfig()
    inputs = graph_inputs(len(element_vectors(config.vectors)))
    inputs |= {name: Input((VALENCE,), name=name) for name in ("own", "field")}
    matrix = ops.expand_dims(inputs["own"], 2) * ops.expand_dims(inputs["field"], 1)
    x = Concatenate()([inputs["nodes"], inputs["own"], Reshape((VALENCE**2,))(matrix)])
    x = Dense(config.encoder, activation="softplus", kernel_initializer=uniform(), name="encoder")(x)
    x = Dense(config.channels, kernel_initializer=uniform(), name="decoder")(x)
    return Model(inputs, convolve(x, inputs, config), name="ogcnn")


class OGCNN(CGCNN):
    """Crystal -> CGCNN's graph with the orbital field of every site -> a property.

    >>> model = OGCNN(epochs=100).fit(table, "band_gap", split)
    """

    name = "ogcnn"
    variants = {"released": OGCNNConfig(ties="cut"), "corrected": OGCNNConfig()}
    graph = staticmethod(orbital_graph)
    graph_version = f"{VERSION}-orbitals"
    batches = OrbitalGraphs

    def build(self):
        return build_ogcnn(self.config)
