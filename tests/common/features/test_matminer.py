"""Featurizers for matminer: one value per label, the same as the functions behind them, in data frames."""

import json

import numpy as np
import pandas as pd
import pytest
from matminer.featurizers.structure import OrbitalFieldMatrix as OFMOfMatminer
from pymatgen.core import Composition, Lattice, Structure

from common.errors import UserError
from diffcomp.matminer import CompositionVector
from esnet.dos.moments import moments
from esnet.dos.resampling import AXIS, resampled
from esnet.dos.vasp import complete_dos_of, from_complete_dos
from esnet.matminer import DOSMoments
from profitnet.features import profit_matrix
from profitnet.matminer import OrbitalFieldMatrix, PROFiTMatrix
from tests.esnet.densities import complete_dos

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")  # of matminer

SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3])
PEROVSKITE = Structure.from_spacegroup(
    "Pm-3m", Lattice.cubic(3.91), ["Sr", "Ti", "O"], [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0]]
)
QUARTZ = Structure.from_spacegroup(
    "P3_221", Lattice.hexagonal(4.91, 5.40), ["Si", "O"], [[0.47, 0, 2 / 3], [0.41, 0.27, 0.786]]
)


def frame_of(featurizer, column, values):
    featurizer.set_n_jobs(1)
    return featurizer.featurize_dataframe(pd.DataFrame({column: values}), column, ignore_errors=True, pbar=False)


def test_the_orbital_field_matrix_is_that_of_matminer():
    ours, other = OrbitalFieldMatrix(), OFMOfMatminer()
    assert ours.feature_labels() == other.feature_labels()
    # Distances differ by the factor 1.000015 of the released program of PROFiT-Net.
    for structure in (SALT.get_primitive_structure(), QUARTZ):
        np.testing.assert_allclose(ours.featurize(structure), other.featurize(structure), rtol=1e-4, atol=1e-6)
    # matminer takes the 3p shell of titanium for a valence shell where pymatgen lists its 3d shell last.
    rest = [k for k, label in enumerate(ours.feature_labels()) if "p^6" not in label]
    found, expected = (np.array(one.featurize(PEROVSKITE))[rest] for one in (ours, other))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_structures_in_a_data_frame():
    disordered = Structure(Lattice.cubic(4), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])
    frame = frame_of(PROFiTMatrix(), "structure", [SALT, disordered])
    assert frame.shape == (2, 1 + 136**2)
    np.testing.assert_allclose(frame.iloc[0, 1:].to_numpy(dtype=float), profit_matrix(SALT).ravel())
    assert frame.iloc[1, 1:].isna().all()
    with pytest.raises(UserError, match="partial occupancy"):
        PROFiTMatrix().featurize(disordered)
    assert PROFiTMatrix("released").featurize(SALT) != PROFiTMatrix().featurize(SALT)


def test_compositions_in_a_data_frame():
    frame = frame_of(CompositionVector(elements=3), "composition", [Composition("SrTiO3"), Composition("NaCl")])
    assert frame.shape == (2, 1 + 90) and frame.notna().all(axis=None)
    sodium = CompositionVector().featurize(Composition("NaCl"))[:30]
    assert frame.iloc[1, 1:].tolist()[:30] == sodium
    with pytest.raises(UserError, match="takes two"):
        CompositionVector().featurize(Composition("SrTiO3"))


def test_moments_of_densities(tmp_path):
    complete_dos(tmp_path / "si.json")
    dos = complete_dos_of(json.loads((tmp_path / "si.json").read_text()))
    frame = frame_of(DOSMoments(), "dos", [dos])
    expected = moments(AXIS, resampled(from_complete_dos(dos)), 0.0).ravel()
    np.testing.assert_allclose(frame.iloc[0, 1:].to_numpy(dtype=float), expected)
    assert frame.columns[2] == "DOS: s up centre"


@pytest.mark.parametrize("featurizer", [PROFiTMatrix(), OrbitalFieldMatrix(), DOSMoments(), CompositionVector()])
def test_labels_citations_and_implementors(featurizer):
    labels = featurizer.feature_labels()
    assert len(set(labels)) == len(labels)
    assert all(text.startswith("@article") and "doi" in text for text in featurizer.citations())
    assert featurizer.implementors() and type(featurizer)(**featurizer.get_params()).get_params() is not None
