"""Densities of states come in by name from every source, and onto the axis without losing states."""

import gzip
import json

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from common.sources.mini import PATH
from esnet.dos import (
    HIGH,
    LOW,
    ORBITALS,
    POINTS,
    ProjectedDOS,
    collect,
    from_complete_dos,
    from_group,
    from_vasprun,
    resampled,
)

AXIS = np.linspace(LOW, HIGH, POINTS)


def made(energies=None, *, reference="absolute", fermi=2.0, sites=4, elements=("O", "Ti"), seed=0) -> ProjectedDOS:
    energies = np.linspace(-15, 12, 400) if energies is None else energies
    densities = np.random.default_rng(seed).random((2, 9, len(energies)))
    return ProjectedDOS(energies, densities, fermi, 1.5, reference, True, "test", sites, elements)


@pytest.fixture(scope="module")
def embedded():
    with h5py.File(PATH) as file:
        channels, energies = json.loads(file.attrs["channels"]), file.attrs["energies_eV"]
        yield lambda name, aligned=False: from_group(file[f"materials/{name}"], energies, channels, aligned=aligned)


def test_the_embedded_set(embedded):
    dos = embedded("MgO-B1")
    assert dos.elements == ("Mg", "O") and dos.sites == 2 and dos.reference == "absolute" and not dos.polarised
    assert np.array_equal(dos.densities[0], dos.densities[1])  # no spin: each holds half
    below = dos.energies < dos.valence_top + 0.1
    p = dos.densities[:, [ORBITALS.index(n) for n in ("px", "py", "pz")]]
    # Inside the spheres the p states of a cubic crystal are alike; below the gap they are oxygen's.
    assert np.allclose(p[:, 0], p[:, 1], atol=0.02) and np.allclose(p[:, 0], p[:, 2], atol=0.02)
    assert p[..., below].sum() > 3 * dos.densities[:, 4:, below].sum()
    assert embedded("MgO-B1", aligned=True).reference == "fermi"


def test_both_stored_forms_agree(embedded):
    """Absolute energies referred to the Fermi level are those stored so, up to half precision and bins."""
    absolute = embedded("TiN-B1")
    one, other = resampled(absolute), resampled(embedded("TiN-B1", aligned=True))
    # The absolute form was cut at -20 and 10 eV before it was moved.
    shifted = AXIS + absolute.fermi
    both = (shifted > LOW + 0.1) & (shifted < HIGH - 0.1)
    assert one[..., both].sum() == pytest.approx(other[..., both].sum(), rel=5e-3)
    assert np.corrcoef(one[..., both].ravel(), other[..., both].ravel())[0, 1] > 0.98


def test_the_released_form():
    dos = made()
    values = resampled(dos, "released")
    assert values.shape == (2, 9, 1500) and values.dtype == np.float32
    inside = (AXIS > -15) & (AXIS < 10)
    expected = np.interp(AXIS[inside], dos.energies, dos.densities[1, 3]) / 2
    assert np.allclose(values[1, 3, inside], -expected, atol=1e-6)
    # A straight ramp from zero at -20 eV up to the first value at -15 eV, where the article has zero.
    ramp = AXIS < -15
    assert np.allclose(values[0, 0, ramp], (AXIS[ramp] + 20) / 5 * dos.densities[0, 0, 0] / 2, atol=1e-6)


def test_the_corrected_form():
    dos = made()
    values = resampled(dos)
    assert (values >= 0).all() and not values[..., (AXIS < -17) | (AXIS > 10.1)].any()
    inside = (AXIS > -16.9) & (AXIS < 9.9)
    assert np.allclose(values[0, 2, inside], np.interp(AXIS[inside] + 2.0, dos.energies, dos.densities[0, 2]) / 4)
    inside &= AXIS > -16.4
    valence = resampled(dos, reference="valence band")
    assert np.allclose(valence[0, 2, inside], np.interp(AXIS[inside] + 1.5, dos.energies, dos.densities[0, 2]) / 4)


@given(st.floats(-5, 5), st.integers(0, 5))
def test_the_zero_of_energy_does_not_matter_once_aligned(shift, seed):
    dos = made(seed=seed)
    moved = ProjectedDOS(
        dos.energies + shift, dos.densities, dos.fermi + shift, dos.valence_top + shift, "absolute", True, "", 4, ("O",)
    )
    assert np.allclose(resampled(moved), resampled(dos), atol=1e-5)


def test_references_are_kept_apart():
    fermi = made().referred_to("fermi")
    assert fermi.fermi == 0 and fermi.valence_top == pytest.approx(-0.5) and fermi.referred_to("fermi") is fermi
    with pytest.raises(UserError, match="this form has absolute energies"):
        resampled(fermi, "released")
    with pytest.raises(UserError, match="cannot be made absolute"):
        fermi.referred_to("absolute")


def test_orbitals_by_name():
    values = {("x2-y2", 0): np.ones(3), ("dx2", 1): np.ones(3), ("s", 0): np.ones(3), ("f_3", 0): np.ones(3)}
    densities, f_there = collect(values, 3)
    assert f_there and densities[0, ORBITALS.index("dx2-y2")].all() and densities[1, ORBITALS.index("dx2-y2")].all()
    assert densities.sum() == 9
    with pytest.raises(UserError, match=r"orbital 'p' is none of .* \(LORBIT = 11\)"):
        collect({("p", 0): np.ones(3)}, 3)


def test_damaged_densities():
    with pytest.raises(UserError, match="must rise"):
        made(np.linspace(1, 0, 400))
    with pytest.raises(UserError, match="no numbers"):
        ProjectedDOS(np.arange(3.0), np.full((2, 9, 3), np.nan), 0, 0, "fermi", True, "", 1, ("O",))
    with pytest.raises(UserError, match="reference 'vacuum' is unknown"):
        made(reference="vacuum")
    with pytest.raises(UserError, match="no CompleteDos"):
        from_complete_dos({"energies": [1, 2]})


JSON = {
    "completedos_Fe.json.gz": (("Fe",), True, 5.096, 2001),
    "completedos_TaZnCo2_mp-865805.json": (("Co", "Ta", "Zn"), True, 5.362, 301),
    "completedos_Nb3Sn.json": (("Nb", "Sn"), False, 6.600, 301),
    "completedos_Si.json": (("Si",), False, 5.626, 601),
}
VASPRUNS = {
    "vasprun_Si_nospin.xml.gz": (("Si",), False, False, 5.641),
    "vasprun_Al_spin.xml.gz": (("Al",), True, False, 7.938),
    "vasprun_CsCl_spin.xml.gz": (("Cl", "Cs"), True, False, 1.134),
    "vasprun_CeO2_hse06_spin_f.xml.gz": (("Ce", "O"), True, True, 4.435),
}


@pytest.mark.real
@pytest.mark.parametrize("name", JSON)
def test_materials_project_files(real_data, name):
    elements, polarised, fermi, points = JSON[name]
    path = real_data / "dos" / "mp_examples" / name
    with (gzip.open if name.endswith("gz") else open)(path, "rt") as file:
        raw = json.load(file)
    dos = from_complete_dos(raw)
    assert (dos.elements, dos.polarised, len(dos.energies)) == (elements, polarised, points)
    assert dos.fermi == pytest.approx(fermi, abs=1e-3) and dos.reference == "absolute" and not dos.f_left_out
    # Every projection of the file is in, once, whatever the order of its orbitals.
    total = sum(np.sum(d) for site in raw["pdos"] for one in site.values() for d in one["densities"].values())
    assert dos.densities.sum() == pytest.approx(total, rel=1e-9)
    if not polarised:
        assert np.array_equal(dos.densities[0], dos.densities[1])


@pytest.mark.real
@pytest.mark.parametrize("name", VASPRUNS)
def test_vasp_files(real_data, name):
    elements, polarised, f_there, fermi = VASPRUNS[name]
    path = real_data / "dos" / "mp_examples" / name
    if f_there:  # this file's 60 steps were not enough
        with pytest.raises(UserError, match="used up NELM and did not converge"):
            from_vasprun(path)
    dos = from_vasprun(path, unconverged=f_there)
    assert (dos.elements, dos.polarised, dos.f_left_out) == (elements, polarised, f_there)
    assert dos.fermi == pytest.approx(fermi, abs=1e-3)
    assert resampled(dos, "released").shape == resampled(dos).shape == (2, 9, 1500)


def test_a_file_that_is_no_vasprun(tmp_path):
    (tmp_path / "vasprun.xml").write_text("<modeling>")
    with pytest.raises(UserError, match="cannot be read as a vasprun"):
        from_vasprun(tmp_path / "vasprun.xml")
    with pytest.raises(UserError, match="does not exist"):
        from_vasprun(tmp_path / "none.xml")
