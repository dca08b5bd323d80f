"""What FXI Condor is handed, recorded by a stand-in with its interface; and other packages of that name."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from common.errors import UserError
from diffcomp.diffraction.lattice_sum import intensity
from diffcomp.diffraction.settings import Diffraction, rotations

CELL = (np.array([11, 17]), np.diag([4.0, 5.0, 6.0]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))


def install(monkeypatch, **members):
    module = ModuleType("condor")
    for name, member in members.items():
        setattr(module, name, member)
    monkeypatch.setitem(sys.modules, "condor", module)


@pytest.fixture
def calls(monkeypatch):
    """Arguments of every object; the pattern of a particle is filled with its number of atoms."""
    recorded = {"Source": [], "Detector": [], "ParticleAtoms": [], "Experiment": []}

    def record(name):
        def make(*arguments, **options):
            recorded[name].append((arguments, options))
            return SimpleNamespace(**options)

        return make

    class Experiment:
        def __init__(self, source, particles, detector):
            recorded["Experiment"].append((source, particles, detector))
            self.atoms, self.detector = particles["particle_atoms"], detector

        def propagate(self):
            filled = np.full((self.detector.ny, self.detector.nx), float(len(self.atoms.atomic_numbers)))
            return {"entry_1": {"data_1": {"data": filled}}}

    install(monkeypatch, Experiment=Experiment, **{n: record(n) for n in ("Source", "Detector", "ParticleAtoms")})
    return recorded


def test_condor_gets_the_same_settings(calls):
    found = intensity(CELL, 64, Diffraction(cells=3), simulator="condor")
    assert found.shape == (3, 64, 64) and found.dtype == np.float32 and (found == 54).all()
    assert calls["Source"] == [((), {"wavelength": 3.5e-12, "pulse_energy": 1e-6, "focus_diameter": 1e-6})] * 3
    detector = calls["Detector"][0][1]
    assert detector["distance"] == 0.1 and detector["nx"] == detector["ny"] == 64 and detector["noise"] is None
    assert detector["pixel_size"] == pytest.approx(1.6e-4)
    for turn, (_, atoms) in zip(rotations(45), calls["ParticleAtoms"], strict=True):
        assert np.bincount(atoms["atomic_numbers"])[[11, 17]].tolist() == [27, 27]
        back = atoms["atomic_positions"] @ turn * 1e10
        assert np.allclose(back.min(axis=0), 0, atol=1e-9) and np.allclose(back.max(axis=0), [10, 12.5, 15])


def test_nasas_package_is_recognised(monkeypatch):
    install(monkeypatch, ExplicitSystem=object, AlgebraicSystem=object)
    with pytest.raises(UserError, match="NASA's modelling framework, not FXI Condor"):
        intensity(CELL, 64, simulator="condor")


def test_other_packages_and_none(monkeypatch):
    install(monkeypatch, Source=object)
    with pytest.raises(UserError, match="is not FXI Condor \\(no Detector"):
        intensity(CELL, 64, simulator="condor")
    monkeypatch.setitem(sys.modules, "condor", None)
    with pytest.raises(UserError, match="FXI Condor is not installed"):
        intensity(CELL, 64, simulator="condor")
    with pytest.raises(UserError, match="simulator 'xray' is unknown"):
        intensity(CELL, 64, simulator="xray")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('no libspimage')", r"cannot be imported \(no libspimage\)"),
        ("import not_there_at_all", r"cannot be imported \(No module named 'not_there_at_all'\)"),
        ("from math import not_there_at_all", r"cannot be imported \(cannot import name"),
        ("def broken(", "cannot be imported"),
        ("Source = Detector = ParticleAtoms = Experiment = None", r"FXI Condor failed \('NoneType' object is not"),
        ("def Source(**rest): raise KeyError", r"is not FXI Condor \(no Detector"),
    ],
)
def test_a_broken_package(source, reason, tmp_path, monkeypatch):
    (tmp_path / "condor.py").write_text(source + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "condor", raising=False)
    with pytest.raises(UserError, match=reason) as caught:
        intensity(CELL, 64, simulator="condor")
    assert "\n" not in str(caught.value) and "simulator 'sum'" in str(caught.value)
    sys.modules.pop("condor", None)


def test_patterns_of_another_size(monkeypatch):
    class Experiment:
        def __init__(self, *parts):
            pass

        def propagate(self):
            return {"entry_1": {"data_1": {"data": np.ones((3, 3))}}}

    install(
        monkeypatch, Experiment=Experiment, **dict.fromkeys(("Source", "Detector", "ParticleAtoms"), SimpleNamespace)
    )
    with pytest.raises(UserError, match="gave no pattern of the size"):
        intensity(CELL, 64, simulator="condor")
