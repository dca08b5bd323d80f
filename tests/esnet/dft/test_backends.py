"""Engines: what is asked of GPAW, what is made of its answer, every way to fail, and the real one on two cells."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import h5py
import numpy as np
import pytest

from common.chem.crystal import Crystal
from common.errors import UserError
from common.sources.mini import PATH
from esnet.dft.backends import DEFAULT, RELAXED, BackendMissing, Settings, compute, compute_dos
from esnet.dft.bands import band_edges, mesh_of
from esnet.dft.batch_folder import write_calculation
from esnet.dft.gpaw_backend import SCRIPT, gpaw_job, gpaw_python
from esnet.dft.references import formation_energy, references
from esnet.dos.file import CHANNELS, start_file
from esnet.dos.projected import ORBITALS


def rock_salt(a: int, b: int, lattice: float = 4.0) -> Crystal:
    cell = lattice / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return Crystal(np.array([a, b]), cell, np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]))


# --- what is asked -------------------------------------------------------------------------------


def test_the_mesh():
    assert mesh_of(np.diag([3.0, 6.1, 40.0]), 30.0) == [10, 5, 1]
    assert mesh_of(np.diag([3.0, 3.0000001, 2.9999999]), 30.0) == [10, 10, 11]


def test_the_embedded_set_has_the_same_meshes(mini):
    with h5py.File(PATH) as file:
        for row, name in enumerate(mini.ids.tolist()):
            stored = file[f"materials/{name}"].attrs["kmesh"].tolist()
            assert mesh_of(mini.structure(row).lattice, DEFAULT.k_length) == stored, name


def test_magnetic_elements_start_with_moments():
    assert gpaw_job(rock_salt(12, 8), DEFAULT)["moments"] is None
    assert gpaw_job(rock_salt(26, 78), DEFAULT)["moments"] == [3.0, 0.0]
    assert all(gpaw_job(rock_salt(78, z), DEFAULT)["moments"][1] > 0 for z in (24, 25, 26, 27, 28))


def test_what_the_child_gets(standin):
    crystal = rock_salt(12, 8, 4.21)
    compute(crystal, settings=Settings(cutoff=350.0))
    (asked,) = standin()
    assert asked["numbers"] == [12, 8] and asked["cutoff"] == 350.0 and asked["mesh"] == [11, 11, 11]
    assert np.array_equal(asked["cell"], crystal.lattice) and np.array_equal(asked["positions"], crystal.frac)
    assert asked["script"] == str(SCRIPT) and asked["xc"] == "PBE" and asked["smearing"] == 0.1


# --- what is made of the answer ------------------------------------------------------------------


def test_densities_from_bands(standin):
    found = compute(rock_salt(12, 8))
    dos = found.dos
    assert (dos.reference, dos.program, dos.sites, dos.elements) == ("absolute", "Stand-in", 2, ("Mg", "O"))
    assert dos.fermi == 5.0 and not dos.polarized and not dos.f_left_out
    # Both windows of the network's axis are covered, and the Fermi level is one of the energies.
    assert dos.energies[0] <= -20 and dos.energies[-1] >= 15 and np.abs(dos.energies - 5.0).min() < 1e-9
    # s fills half of the lower band, each p a quarter of the upper one; both spins hold the same.
    states = dos.densities.sum(axis=2) * 0.02
    expected = {"s": 0.5, "px": 0.25, "py": 0.25, "pz": 0.25}
    assert np.allclose(states, [[expected.get(name, 0.0) for name in ORBITALS]] * 2, atol=1e-9)
    assert np.allclose(found.total.sum(axis=1) * 0.02, 2.0)
    assert found.attributes["electrons_from_dos"] == pytest.approx(2.0)
    assert found.attributes["projected_fraction_occupied"] == pytest.approx(0.5)
    # The cosine sum takes every value from -1 to 1 on this mesh but the last bit: bands from 2 to 4 and 6 to 8 eV.
    low, high = found.attributes["band_edges_rel_eV"]
    assert low == pytest.approx(-1.0) and 1.0 <= high < 1.2 and found.attributes["band_gap_eV"] == high - low
    assert dos.valence_top == pytest.approx(4.0)


def test_spin(standin):
    found = compute(rock_salt(26, 8))
    assert found.dos.polarized and found.attributes["magnetic_moment"] == 1.0
    up, down = (found.dos.densities[spin, ORBITALS.index("s")] for spin in (0, 1))
    middle = [(found.dos.energies * d).sum() / d.sum() for d in (up, down)]
    assert middle[1] - middle[0] == pytest.approx(1.0, abs=1e-6)


def test_f_orbitals_are_reported(standin):
    assert compute_dos(rock_salt(58, 8)).f_left_out


def test_band_edges():
    assert band_edges(np.array([[[-2.0, 1.0], [-0.5, 2.0]]])) == (-0.5, 1.0)
    assert band_edges(np.array([[[-2.0, -1.0], [-0.5, 2.0]]])) == (0.0, 0.0)
    # A half-metal is a metal; spins with different fillings may well have a gap.
    assert band_edges(np.array([[[-2.0, 1.0], [-1.0, 2.0]], [[-2.0, -0.5], [-1.0, 0.5]]])) == (0.0, 0.0)
    assert band_edges(np.array([[[-2.0, -1.0], [-1.0, -0.3]], [[-2.0, 0.5], [-1.0, 0.6]]])) == (-0.3, 0.5)


def test_formation_energies_of_the_embedded_set(mini):
    with h5py.File(PATH) as file:
        for row, name in enumerate(mini.ids.tolist()):
            attributes = file[f"materials/{name}"].attrs
            energy = formation_energy(mini.structure(row), attributes["total_energy_eV"])
            assert energy == pytest.approx(attributes["formation_energy_eV_per_atom"], abs=1e-9)


def test_no_formation_energy_without_its_references():
    assert len(references()) == 58 and references()[6].energy < -9
    assert np.isnan(formation_energy(rock_salt(25, 8), -10.0))  # no manganese among them
    assert np.isnan(formation_energy(rock_salt(12, 8), -10.0, Settings(cutoff=300.0)))


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "words"),
    [
        (84, "no PAW dataset for Po"),
        (86, "stopped by signal 11"),
        (87, "exited with status 3 without a message"),
        (88, "did not converge in 200 iterations"),
    ],
)
def test_failures_of_the_child(standin, element, words):
    with pytest.raises(UserError, match=words) as caught:
        compute(rock_salt(12, element))
    assert "\n" not in str(caught.value) and not isinstance(caught.value, BackendMissing)


def test_the_time_limit(standin):
    with pytest.raises(UserError, match="not finished within the time limit of 3 s"):
        compute(rock_salt(12, 85), time_limit=3)
    assert not any(_alive(asked["pid"]) for asked in standin())


def test_the_child_goes_with_its_parent(standin, tmp_path):
    """A parent that is killed leaves no calculation behind."""
    code = (
        "import numpy as np\nfrom common.chem.crystal import Crystal\nfrom esnet.dft.backends import compute\n"
        "compute(Crystal(np.array([12, 85]), np.eye(3) * 4, np.array([[0, 0, 0], [0.5, 0.5, 0.5]])))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    _until(standin)
    parent.kill()
    parent.wait()
    _until(lambda: not _alive(standin()[0]["pid"]))


def test_nothing_is_left_of_a_job_without_its_parent(tmp_path):
    job = tmp_path / "job" / "job.json"
    job.parent.mkdir()
    job.write_text("{}")
    code = "import sys\nfrom esnet.dft.gpaw_job import _exit_with_parent\n_exit_with_parent(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(job), str(job.with_name("result.npz"))]
    assert subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 1 and not job.parent.exists()


def test_no_gpaw(monkeypatch, tmp_path):
    monkeypatch.setenv("MATREPRO_GPAW_PYTHON", str(tmp_path / "python"))
    with pytest.raises(BackendMissing, match="cannot import gpaw; install it"):
        gpaw_python()
    monkeypatch.delenv("MATREPRO_GPAW_PYTHON")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("esnet.dft.gpaw_backend.SYSTEM_PYTHON", str(tmp_path / "python"))
    with pytest.raises(BackendMissing, match=r"GPAW is not installed; .* gpaw-data"):
        compute(rock_salt(12, 8))


def test_atoms_on_top_of_each_other(standin):
    close = rock_salt(12, 8)._replace(frac=np.array([[0.0, 0, 0], [0.01, 0.01, 0.01]]))
    for crystal, reason in (
        (close, "two atoms are only 0.069 angstrom apart"),
        (rock_salt(12, 8, 0.3), "lattice vector of [0-9.]+ angstrom is unphysical"),
    ):
        with pytest.raises(UserError, match=reason):
            compute(crystal)
    assert not standin()


def test_unknown_backend():
    with pytest.raises(BackendMissing, match="DFT backend 'vasp' is unknown; choose one of gpaw"):
        compute(rock_salt(12, 8), backend="vasp")


def _until(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- GPAW itself ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["LiH-B1", "TiN-B1"])
def test_a_row_of_the_embedded_set_again(gpaw_here, mini, tmp_path, name):
    """An insulator and a metal with d states: energies within 5 meV an atom, channels alike."""
    crystal = mini.structure(int(mini.rows_of([name])[0]))
    found = compute(crystal)
    with h5py.File(tmp_path / "dos.h5", "w") as file:
        start_file(file, "GPAW", DEFAULT.file_attributes())
        write_calculation(file, name, found)
        made = {key: file[f"materials/{name}/{key}"][:].astype(float) for key in ("dos_rel", "dos_abs")}
    with h5py.File(PATH) as file:
        stored, attributes = file[f"materials/{name}"], dict(file[f"materials/{name}"].attrs)
        assert json.loads(file.attrs["channels"]) == list(CHANNELS)
        for key, values in made.items():
            assert _cosine(values, stored[key][:].astype(float)) > 0.97, key
    ours = found.attributes
    assert ours["total_energy_eV"] == pytest.approx(attributes["total_energy_eV"], abs=0.010)
    key = "formation_energy_eV_per_atom"
    assert ours[key] == pytest.approx(attributes[key], abs=0.005)
    assert ours["band_gap_eV"] == pytest.approx(attributes["band_gap_eV"], abs=0.02)
    assert ours["n_ibz"] == attributes["n_ibz"] and ours["valence_electrons"] == attributes["valence_electrons"]
    assert found.dos.fermi == pytest.approx(attributes["efermi_eV"], abs=0.3 if ours["band_gap_eV"] else 0.02)
    assert ours["bands_complete_to_eV"] > 10
    projected = attributes["projected_fraction_occupied"]
    assert ours["projected_fraction_occupied"] == pytest.approx(projected, abs=0.002)


@pytest.mark.slow
def test_a_relaxation(gpaw_here):
    """Lithium hydride from a cell that is too large: PBE's lattice constant is 4.02 angstrom, and the energy falls."""
    large = rock_salt(3, 1, 4.2)
    relaxed = compute(large, settings=RELAXED)
    assert 2**0.5 * np.linalg.norm(relaxed.crystal.lattice, axis=1) == pytest.approx(4.02, rel=0.005)
    assert relaxed.attributes["total_energy_eV"] < compute(large).attributes["total_energy_eV"] - 0.01
    assert relaxed.attributes["formation_energy_eV_per_atom"] == pytest.approx(-0.42, abs=0.05)
    assert relaxed.attributes["volume_change"] == pytest.approx(relaxed.crystal.volume / large.volume - 1)
    with pytest.raises(UserError, match="not relaxed in 1 steps"):
        compute(large, settings=replace(RELAXED, relaxation_steps=1))


@pytest.mark.slow
def test_what_gpaw_refuses(gpaw_here):
    with pytest.raises(UserError, match="no PAW dataset for Po"):
        compute(rock_salt(12, 84))


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))
