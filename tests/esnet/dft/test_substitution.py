"""Every pair once in a prototype whose places are alike, twice where they differ; volumes by Vegard."""

import numpy as np
import pytest

from common.chem.crystal import Crystal
from common.chem.elements import NUMBERS
from common.errors import UserError
from esnet.dft.references import references
from esnet.dft.substitution import atomic_volume, substitute


@pytest.fixture(scope="module")
def prototype(mini):
    return lambda name: (name.split("-", 1)[1], mini.structure(int(mini.rows_of([name])[0])))


def symbols(crystal: Crystal) -> list[int]:
    return crystal.numbers.tolist()


@pytest.mark.parametrize("name", ["CoAl-B2", "MgO-B1", "GaAs-B3", "FePt-L1_0", "ZnS-B4"])
def test_like_places_take_a_pair_once(prototype, name):
    found = dict(substitute([prototype(name)], ["Cu", "Au", "Pt"]))
    kind = name.split("-", 1)[1]
    assert list(found) == [f"CuAu-{kind}", f"CuPt-{kind}", f"AuPt-{kind}"]


@pytest.mark.parametrize("name", ["CuAl-C11_b", "PtFe-L1_2", "CaF2-C1"])
def test_unlike_places_take_it_in_both_orders(prototype, name):
    found = dict(substitute([prototype(name)], ["Cu", "Au"]))
    kind = name.split("-", 1)[1]
    assert list(found) == [f"CuAu-{kind}", f"AuCu-{kind}"]
    one, other = found.values()
    assert sorted(symbols(one)) != sorted(symbols(other))
    # The first element has the places of the prototype's first atom.
    assert symbols(one)[0] == 29 and symbols(other)[0] == 79


def test_equal_amounts_in_unlike_places():
    """A chain with both atoms on axes of their own: as many of each, and still two crystals."""
    cell = np.diag([3.0, 3.0, 9.0])
    crystal = Crystal(
        np.array([1, 1, 3, 3]), cell, np.array([[0, 0, 0], [0, 0, 0.2], [0.5, 0.5, 0.1], [0.5, 0.5, 0.6]])
    )
    found = dict(substitute([("chain", crystal)], ["Cu", "Au"]))
    assert list(found) == ["CuAu-chain", "AuCu-chain"]


def test_counts(prototype):
    made = list(substitute([prototype("CoAl-B2"), prototype("PtFe-L1_2")], ["Cu", "Au", "Pt", "Ag", "Cu"]))
    assert len(made) == 6 + 12 and len({name for name, _ in made}) == 18


def test_geometry_as_it_is(prototype):
    _, crystal = prototype("PtFe-L1_2")
    for _, made in substitute([("L1_2", crystal)], ["Cu", "Au"]):
        assert np.array_equal(made.lattice, crystal.lattice) and np.array_equal(made.frac, crystal.frac)


def test_vegard(prototype):
    """The embedded set's own alloys stand at such volumes."""
    name, crystal = prototype("CuAl-C11_b")
    ((_, made), _) = substitute([(name, crystal._replace(lattice=2 * crystal.lattice))], ["Cu", "Al"], volume="vegard")
    assert made.volume == pytest.approx(atomic_volume(29) + 2 * atomic_volume(13))
    assert made.lattice == pytest.approx(crystal.lattice, rel=5e-3)
    assert np.allclose(made.lattice / made.volume ** (1 / 3), crystal.lattice / crystal.volume ** (1 / 3))


def test_volumes():
    assert atomic_volume(29) == references()[29].volume == pytest.approx(12.08, abs=0.01)
    # Rhodium and lanthanum are not in the embedded set: the measured volumes.
    assert atomic_volume(45) == pytest.approx(13.75, abs=0.1) and atomic_volume(57) == pytest.approx(37.5, abs=0.5)
    for symbol in ("O", "H", "I", "Ar"):
        with pytest.raises(UserError, match=f"{symbol} is not a solid element"):
            atomic_volume(NUMBERS[symbol])
    with pytest.raises(UserError, match="volume of Lr is unknown"):
        atomic_volume(NUMBERS["Lr"])


def test_bad_input(prototype):
    b2 = prototype("CoAl-B2")
    for elements, words in ((["Cu", "Xx"], "Xx is not a chemical element"), (["Cu", "Cu"], "at least two elements")):
        with pytest.raises(UserError, match=words):
            substitute([b2], elements)
    with pytest.raises(UserError, match="O is not a solid element"):
        substitute([b2], ["Mg", "O"], volume="vegard")
    with pytest.raises(UserError, match="volume 'big' is unknown"):
        substitute([b2], ["Cu", "Au"], volume="big")
    with pytest.raises(UserError, match="two prototypes have the name B2"):
        substitute([b2, b2], ["Cu", "Au"])
    single = Crystal(np.array([29, 29]), b2[1].lattice, b2[1].frac)
    with pytest.raises(UserError, match=r"prototype bcc has 1 elements \(Cu\); give binary prototypes"):
        substitute([("bcc", single)], ["Cu", "Au"])
