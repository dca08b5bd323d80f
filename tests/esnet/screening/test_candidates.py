"""From prototypes to candidates, and a list without any."""

import numpy as np
import pytest

from common.chem.crystal import Crystal
from common.errors import UserError
from esnet.dft.substitution import substitute
from esnet.screening.candidates import candidates
from esnet.screening.hull import PhasePool
from esnet.screening.ranking import Candidates, rank
from tests.esnet.screening.standins import ByVolume, backend


def test_from_prototypes_to_candidates(tmp_path):
    chloride = Crystal(np.array([55, 17]), 3.0 * np.eye(3), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    made = list(substitute([("B2", chloride)], ["Cu", "Au", "Pt"]))
    found = candidates(ByVolume(), made, tmp_path / "dos", backend=backend)
    assert sorted(found.ids) == ["CuAu-B2", "CuPt-B2"] and found.energies == pytest.approx([-0.27, -0.27])
    assert list(found.left_out) == ["AuPt-B2"] and "did not converge" in found.left_out["AuPt-B2"]
    summary = rank(found, PhasePool(["CuAu"], [-0.05]), tmp_path / "out", pictures=False)
    assert summary["candidates"] == 2 and summary["elements without a phase in the pool"] == ["Pt"]
    # Another list in the same folder: what was asked for before is not ranked again.
    again = candidates(ByVolume(), [one for one in made if one[0] == "CuPt-B2"], tmp_path / "dos", backend=backend)
    assert again.ids == ["CuPt-B2"] and again.left_out == {}
    other = ByVolume()
    other.unit = "eV"
    with pytest.raises(UserError, match="in eV; use one that predicts eV/atom"):
        candidates(other, made, tmp_path / "more", backend=backend)


def test_a_rank_without_candidates(tmp_path):
    with pytest.raises(UserError, match="no candidate can be ranked: it: no number of"):
        rank(Candidates([], [], np.zeros(0), left_out={"it": "no number of"}), PhasePool(["Na"], [0.0]), tmp_path)
