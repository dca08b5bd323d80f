"""Densities of states come in by the names of their orbitals, and say what their energies mean."""

import numpy as np
import pytest

from common.errors import UserError
from esnet.dos.projected import ORBITALS, ProjectedDOS, collect
from tests.esnet.densities import made


def test_the_embedded_set(embedded):
    dos = embedded("MgO-B1")
    assert dos.elements == ("Mg", "O") and dos.sites == 2 and dos.reference == "absolute" and not dos.polarized
    assert np.array_equal(dos.densities[0], dos.densities[1])  # no spin: each holds half
    below = dos.energies < dos.valence_top + 0.1
    p = dos.densities[:, [ORBITALS.index(n) for n in ("px", "py", "pz")]]
    # Inside the spheres the p states of a cubic crystal are alike; below the gap they are oxygen's.
    assert np.allclose(p[:, 0], p[:, 1], atol=0.02) and np.allclose(p[:, 0], p[:, 2], atol=0.02)
    assert p[..., below].sum() > 3 * dos.densities[:, 4:, below].sum()
    assert embedded("MgO-B1", aligned=True).reference == "fermi"


def test_references_are_kept_apart():
    fermi = made().referred_to("fermi")
    assert fermi.fermi == 0 and fermi.valence_top == pytest.approx(-0.5) and fermi.referred_to("fermi") is fermi
    with pytest.raises(UserError, match="cannot be converted to absolute"):
        fermi.referred_to("absolute")


def test_orbitals_by_name():
    values = {("x2-y2", 0): np.ones(3), ("dx2", 1): np.ones(3), ("s", 0): np.ones(3), ("f_3", 0): np.ones(3)}
    densities, f_there = collect(values, 3)
    assert f_there and densities[0, ORBITALS.index("dx2-y2")].all() and densities[1, ORBITALS.index("dx2-y2")].all()
    assert densities.sum() == 9
    with pytest.raises(UserError, match=r"orbital 'p' is not one of .*LORBIT = 11"):
        collect({("p", 0): np.ones(3)}, 3)


def test_damaged_densities():
    with pytest.raises(UserError, match="are not increasing"):
        made(np.linspace(1, 0, 400))
    with pytest.raises(UserError, match="not finite"):
        ProjectedDOS(np.arange(3.0), np.full((2, 9, 3), np.nan), 0, 0, "fermi", True, "", 1, ("O",))
    with pytest.raises(UserError, match="reference 'vacuum' is unknown"):
        made(reference="vacuum")
