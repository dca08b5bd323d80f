"""VASP's files and those of the Materials Project: every state once, whatever the order of the orbitals."""

import gzip
import json

import numpy as np
import pytest

from common.errors import UserError
from esnet.dos.resampling import resampled
from esnet.dos.vasp import from_complete_dos, from_vasprun
from tests.esnet.densities import complete_dos

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
    elements, polarized, fermi, points = JSON[name]
    path = real_data / "dos" / "mp_examples" / name
    with (gzip.open if name.endswith("gz") else open)(path, "rt") as file:
        raw = json.load(file)
    dos = from_complete_dos(raw)
    assert (dos.elements, dos.polarized, len(dos.energies)) == (elements, polarized, points)
    assert dos.fermi == pytest.approx(fermi, abs=1e-3) and dos.reference == "absolute" and not dos.f_left_out
    # Every projection of the file is in, once, whatever the order of its orbitals.
    total = sum(np.sum(d) for site in raw["pdos"] for one in site.values() for d in one["densities"].values())
    assert dos.densities.sum() == pytest.approx(total, rel=1e-9)
    if not polarized:
        assert np.array_equal(dos.densities[0], dos.densities[1])


@pytest.mark.real
@pytest.mark.parametrize("name", VASPRUNS)
def test_vasp_files(real_data, name):
    elements, polarized, f_there, fermi = VASPRUNS[name]
    path = real_data / "dos" / "mp_examples" / name
    if f_there:  # this file's 60 steps were not enough
        with pytest.raises(UserError, match="reached NELM without convergence"):
            from_vasprun(path)
    dos = from_vasprun(path, unconverged=f_there)
    assert (dos.elements, dos.polarized, dos.f_left_out) == (elements, polarized, f_there)
    assert dos.fermi == pytest.approx(fermi, abs=1e-3)
    assert resampled(dos, "released").shape == resampled(dos).shape == (2, 9, 1500)


DAMAGE = {
    "has no Fermi level": lambda found: found.update(efermi=None),
    "a projection on s has 595 values for 600 energies": lambda found: found["pdos"][0]["s"].update(
        densities={"1": [0.0] * 595}
    ),
    "a projection on s has 600 values for 0 energies": lambda found: found.update(energies=[]),
    "orbital 'p' is not one of .*LORBIT = 11": lambda found: found["pdos"][0].update(p=found["pdos"][0].pop("px")),
    "not a CompleteDos of pymatgen .KeyError: 'structure'": lambda found: found.pop("structure"),
    "not a CompleteDos of pymatgen .TypeError": lambda found: found.update(pdos=3),
    "values that are not finite": lambda found: found.update(energies=[float("nan")] * 600),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("words", DAMAGE)
def test_a_damaged_complete_dos_is_one_line(tmp_path, words):
    found = json.loads(complete_dos(tmp_path / "si.json").read_text())
    assert from_complete_dos(found).elements == ("Si",)
    DAMAGE[words](found)
    with pytest.raises(UserError, match=words):
        from_complete_dos(found)


def test_a_file_that_is_no_vasprun(tmp_path):
    (tmp_path / "vasprun.xml").write_text("<modeling>")
    with pytest.raises(UserError, match="cannot be read as a vasprun"):
        from_vasprun(tmp_path / "vasprun.xml")
    with pytest.raises(UserError, match="does not exist"):
        from_vasprun(tmp_path / "none.xml")
    with pytest.raises(UserError, match="not a CompleteDos"):
        from_complete_dos({"energies": [1, 2]})
