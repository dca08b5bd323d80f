"""The property-networking orbital field matrix of a crystal, and the 32 x 32 orbital field matrix.

Both are V^T W V, with V the atom vectors of the species present and W a small (species x species) matrix of summed
Voronoi weights. W is computed and cached, about 300 bytes per crystal instead of 74 kB, and the matrix is expanded per
batch. The variants differ in V and in the side of the centre atom, so all variants and the orbital field matrix share
one cached W.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from common.chem.crystal import Crystal, as_crystal
from common.chem.voronoi import voronoi_faces
from common.errors import UserError
from common.features.ragged import Ragged
from common.train.recipes.variants import chosen
from profitnet.atoms import LAST_ELEMENT, VALENCE, atom_vectors
from profitnet.config import VARIANTS, ProfitConfig

#: Cache version: increase it whenever the weights change.
FEATURE_VERSION = "profit-weights-1"
#: Distances are in Bohr, as in the released program, which divides CODATA's "Angstrom star" (1.00001495e-10 m, an X-ray
#: unit, not the angstrom) by the Bohr radius. We do the same; it only scales every entry by 1 + 1.5e-5.
BOHR_PER_ANGSTROM = 1.00001495 / 0.529177210903


def species_weights(structure: Any) -> tuple[np.ndarray, np.ndarray]:
    """Species present (s,) and their weights W (s, s), rows neighbour, columns centre.

    W[a, b] = mean over all sites of sum over faces k from a centre of species b to a neighbour of species a
    of w_k / r_k, where w_k is the solid angle of the face over the largest of that site.
    """
    crystal = as_crystal(structure)
    _check_elements(crystal)
    faces = voronoi_faces(crystal)
    largest = np.zeros(len(crystal.numbers))
    np.maximum.at(largest, faces.centre, faces.solid_angle)
    term = faces.solid_angle / largest[faces.centre] / (faces.distance * BOHR_PER_ANGSTROM)
    species, which = np.unique(crystal.numbers, return_inverse=True)
    weights = np.zeros((len(species), len(species)))
    np.add.at(weights, (which[faces.neighbour], which[faces.centre]), term)
    return species, weights / len(crystal.numbers)


def _check_elements(crystal: Crystal) -> None:
    outside = crystal.numbers[(crystal.numbers < 1) | (crystal.numbers > LAST_ELEMENT)]
    if len(outside):
        raise UserError(f"atomic number {outside[0]} has no atom vector; elements 1 to {LAST_ELEMENT} have one")


def profit_matrix(structure: Any, variant: str = "corrected") -> np.ndarray:
    """The (136, 136) matrix of a pymatgen `Structure`, a `Crystal` or a `(numbers, lattice, frac)` triple.

    >>> profit_matrix(([11, 17], 4.0 * (np.ones((3, 3)) - np.eye(3)) / 2**0.5, [[0, 0, 0], [0.5] * 3])).shape
    (136, 136)
    """
    config = chosen(VARIANTS, variant)
    matrix = _expand_one(*species_weights(structure), atom_vectors(config.polarizability))
    return matrix if config.rows == "neighbour" else matrix.T.copy()


def ofm_matrix(structure: Any) -> np.ndarray:
    """The (32, 32) orbital field matrix: the same sum over the valence block of the atom vectors."""
    return _expand_one(*species_weights(structure), atom_vectors()[:, :VALENCE])


def _expand_one(species: np.ndarray, weights: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    present = vectors[species].astype(np.float64)
    return present.T @ weights @ present


def weights_row(structure: Any) -> dict[str, np.ndarray]:
    """One material's cache entry: `species` (s,) uint8 and `weights` (s * s,) float32."""
    species, weights = species_weights(structure)
    return {"species": species.astype(np.uint8), "weights": weights.astype(np.float32).reshape(-1)}


class ProfitFeatures:
    """Cached weights of many materials, expanded to flat matrices (batch, side * side, 1) on demand."""

    def __init__(self, weights: Ragged, config: ProfitConfig):
        self.weights = weights
        vectors = atom_vectors(config.polarizability)
        self._vectors = (vectors if config.matrix == "profit" else vectors[:, :VALENCE]).astype(np.float32)
        self._transpose = config.rows == "centre"

    def __len__(self) -> int:
        return len(self.weights)

    def batch(self, rows: np.ndarray) -> np.ndarray:
        """The flattened matrices of `rows`, float32."""
        species, weights = self._padded(rows)
        vectors = self._vectors[species]  # species 0 has an all-zero vector, so padding adds nothing
        matrix = np.matmul(vectors.transpose(0, 2, 1), np.matmul(weights, vectors))
        return matrix.reshape(len(rows), -1, 1)

    def _padded(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        species = [self.weights.field("species").row(i) for i in rows]
        width = max(len(s) for s in species)
        numbers = np.zeros((len(rows), width), dtype=np.int64)
        weights = np.zeros((len(rows), width, width), dtype=np.float32)
        for k, (i, s) in enumerate(zip(rows, species, strict=True)):
            block = self.weights.field("weights").row(i).reshape(len(s), len(s))
            numbers[k, : len(s)] = s
            weights[k, : len(s), : len(s)] = block.T if self._transpose else block
        return numbers, weights
