"""The matrix by the long road, for tests and benchmarks: pymatgen's `VoronoiNN`, one site at a time.

It shares nothing with `common.chem.voronoi` and `common.chem.lattice`.
`python -m tests.profitnet.reference` writes the golden file.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from profitnet.atoms import atom_vectors
from profitnet.features import BOHR_PER_ANGSTROM

GOLDEN = Path(__file__).parent.parent / "golden" / "profit_mini.npz"
#: Ids of the embedded set: two to ten atoms, s to f elements, cubic, tetragonal and hexagonal cells.
GOLDEN_IDS = ("AgF-B1-v94", "AlAu-L1_0", "TiO2-C4", "CdS-B4", "HfSr-L1_2", "TiB2-C32", "PbO2-C1", "VS-B8_1")
FULL = 4 * math.pi


def pymatgen_structure(crystal):
    from pymatgen.core import Lattice, Structure

    numbers, lattice, frac = crystal
    return Structure(Lattice(lattice), [int(z) for z in numbers], frac)


def site_faces(structure, site: int, cutoff: float = 13.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Neighbour index, distance to the true image, solid angle of each face of one site, and the cell's volume."""
    from pymatgen.analysis.local_env import VoronoiNN

    found = VoronoiNN(allow_pathological=True, cutoff=cutoff).get_nn_info(structure, site)
    neighbour = np.array([nn["site_index"] for nn in found])
    distance = np.array([np.linalg.norm(nn["site"].coords - structure[site].coords) for nn in found])
    # pymatgen counts 2 pi for each triangle of a face that is exactly flat as seen from the atom. A face lies in
    # one half of space, so it subtends less than 2 pi and the remainder is its true angle.
    angle = np.array([nn["poly_info"]["solid_angle"] for nn in found]) % (FULL / 2)
    return neighbour, distance, angle, sum(nn["poly_info"]["volume"] for nn in found)


def complete_faces(structure) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Faces of all sites. The search radius grows until the Voronoi cells fill the unit cell.

    With too small a radius a cell comes out too large, never too small, so the volumes tell: at pymatgen's 13
    angstrom the cells of TlCl2 (mp-1077305) overlap.
    """
    cutoff = 13.0
    while True:
        sites = [site_faces(structure, i, cutoff) for i in range(len(structure))]
        if math.isclose(sum(volume for *_, volume in sites), structure.volume, rel_tol=1e-10):
            return [(neighbour, distance, angle) for neighbour, distance, angle, _ in sites]
        cutoff *= 1.4
        assert cutoff < 80, "the Voronoi cells never fill the unit cell"


def site_term(numbers, vectors, centre: int, neighbour, distance, angle) -> np.ndarray:
    """The (136, 136) matrix of one site, rows neighbour, columns centre."""
    total = np.zeros((vectors.shape[1],) * 2)
    for k, r, w in zip(neighbour, distance, angle / angle.max(), strict=True):
        total += w / (r * BOHR_PER_ANGSTROM) * np.outer(vectors[numbers[k]], vectors[numbers[centre]])
    return total


def slow_matrix(crystal, polarizability: str = "next") -> np.ndarray:
    """The plain mean over all sites of the bare cell, with true neighbour images."""
    structure = pymatgen_structure(crystal)
    vectors = atom_vectors(polarizability).astype(float)
    numbers = structure.atomic_numbers
    return np.mean(
        [site_term(numbers, vectors, i, *faces) for i, faces in enumerate(complete_faces(structure))], axis=0
    )


def released_matrix(crystal) -> np.ndarray:
    """The released road: 3 x 3 x 3 supercell, one site an orbit, periodic distances, 13 angstrom."""
    from pymatgen.analysis.local_env import VoronoiNN
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    structure = pymatgen_structure(crystal) * [3, 3, 3]
    vectors = atom_vectors("next").astype(float)
    voronoi = VoronoiNN(allow_pathological=True)
    total = np.zeros((vectors.shape[1],) * 2)
    for orbit in SpacegroupAnalyzer(structure).get_symmetrized_structure().equivalent_indices:
        centre = structure[orbit[0]]
        for nn in voronoi.get_nn_info(structure, orbit[0]):
            scale = nn["weight"] / (centre.distance(nn["site"]) * BOHR_PER_ANGSTROM)
            total += len(orbit) * scale * np.outer(vectors[nn["site"].specie.Z], vectors[centre.specie.Z])
    return total / len(structure)


def write_golden() -> None:
    from common.sources import load_source

    table = load_source("mini").select(GOLDEN_IDS)
    matrices = {name: slow_matrix(table.structure(row)) for row, name in enumerate(GOLDEN_IDS)}
    np.savez_compressed(GOLDEN, **matrices)


if __name__ == "__main__":
    write_golden()
