"""The JARVIS loader against a stand-in with the interface of jarvis-tools."""

import sys
from types import ModuleType

import numpy as np
import pytest

from common.errors import UserError
from common.sources import jarvis, load_source
from common.sources.jarvis import AXIS
from common.sources.registry import follow

GRID = np.arange(0, 30.2, 0.2)
ATOMS = {"lattice_mat": (np.eye(3) * 4).tolist(), "elements": ["Na", "Cl"], "cartesian": True}
ENTRIES = [
    {"jid": "JVASP-1", "ehull": 0.01, "atoms": {**ATOMS, "coords": [[0, 0, 0], [2, 2, 2]]}},
    {"jid": "JVASP-2", "ehull": "na", "atoms": {**ATOMS, "coords": [[0, 0, 0], [0.5, 0, 0]], "cartesian": False}},
    {"jid": "JVASP-3", "ehull": 0.0, "atoms": {**ATOMS, "coords": [[0, 0, 0], [2, 2, 2]]}},
    {"jid": "JVASP-4", "ehull": 0.0, "atoms": {**ATOMS, "coords": [[0, 0, 0], [2, 2, 2]]}},
]


@pytest.fixture
def asked(monkeypatch):
    """The pages that were asked for; JVASP-3 has no optics, JVASP-4 ends at 10 eV."""
    pages = []

    class Webpage:
        def __init__(self, jid):
            self.jid = jid
            pages.append(jid)

        def get_dft_semilocal_dielectric_function(self):
            if self.jid == "JVASP-3":
                raise KeyError("main_optics_semilocal")
            energy = GRID[:51] if self.jid == "JVASP-4" else GRID
            return {"energies": energy, "real_xx": 5 - energy, "imag_xx": energy**2, "real_zz": 0 * energy}

    modules = {name: ModuleType(name) for name in ("jarvis", "jarvis.db", "jarvis.db.figshare", "jarvis.db.webpages")}
    modules["jarvis.db.figshare"].data = lambda name: {"dft_3d": ENTRIES}[name]
    modules["jarvis.db.webpages"].Webpage = Webpage
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return pages


def test_curves_structures_and_hull(asked, capsys):
    table = load_source("jarvis-dielectric")
    assert table.ids.tolist() == ["JVASP-1", "JVASP-2"] and table.formulas.tolist() == ["NaCl", "NaCl"]
    real = table.target("eps_re")
    assert np.array_equal(real.axis, AXIS) and real.axis_unit == "eV"
    assert np.allclose(real.values, 5 - AXIS) and np.abs(table.target("eps_im").values - AXIS**2).max() < 0.011
    assert table.target("hull_distance").values[0] == 0.01 and np.isnan(table.target("hull_distance").values[1])
    assert np.allclose(table.structure(0).frac[1], 0.5) and np.allclose(table.structure(1).frac[1], [0.5, 0, 0])
    err = capsys.readouterr().err
    assert (
        "JVASP-3: its page has no OptB88vdW" in err and "JVASP-4: its dielectric function runs from 0 to 10 eV" in err
    )


def test_what_has_been_fetched_is_not_fetched_again(asked, monkeypatch):
    monkeypatch.setenv("MATREPRO_JARVIS_LIMIT", "1")
    assert len(load_source("jarvis-dielectric")) == 1 and asked == ["JVASP-1"]
    monkeypatch.delenv("MATREPRO_JARVIS_LIMIT")
    load_source("jarvis-dielectric")
    assert asked.count("JVASP-1") == 1


def test_pages_without_optics_are_not_asked_for_again(asked, capsys):
    load_source("jarvis-dielectric")
    first = capsys.readouterr().err
    load_source("jarvis-dielectric")
    assert sorted(asked) == ["JVASP-1", "JVASP-2", "JVASP-3", "JVASP-4"] and capsys.readouterr().err == first
    traced = follow("jarvis-dielectric")
    assert (traced.rows, [step.after for step in traced.steps]) == (4, [3, 2])


def test_a_damaged_curve_is_fetched_again(asked, cache_folder):
    load_source("jarvis-dielectric")
    (cache_folder / "jarvis/JVASP-1-xx.npy").write_bytes(b"damaged")
    assert len(load_source("jarvis-dielectric")) == 2 and asked.count("JVASP-1") == 2


def test_without_a_network_nothing_is_left_out(asked, monkeypatch):
    """It stops and says so; the next call asks for what is missing."""
    web = sys.modules["jarvis.db.webpages"].Webpage
    answer = web.get_dft_semilocal_dielectric_function

    def failing(self):
        if self.jid == "JVASP-2":
            raise OSError("Max retries exceeded with url: /x")
        return answer(self)

    monkeypatch.setattr(jarvis, "PAUSE", 0.0)
    monkeypatch.setattr(web, "get_dft_semilocal_dielectric_function", failing)
    with pytest.raises(
        UserError, match=r"the page of JVASP-2 cannot be fetched \(it cannot be reached\); fetched pages are stored"
    ):
        load_source("jarvis-dielectric")
    assert asked == ["JVASP-1", *["JVASP-2"] * jarvis.ATTEMPTS]
    monkeypatch.setattr(web, "get_dft_semilocal_dielectric_function", answer)
    assert len(load_source("jarvis-dielectric")) == 2 and asked.count("JVASP-1") == 1

    def unreachable(name):
        raise OSError("Failed to resolve 'jarvis'")

    monkeypatch.setattr(sys.modules["jarvis.db.figshare"], "data", unreachable)
    with pytest.raises(UserError, match=r"list dft_3d cannot be fetched \(it cannot be reached\)"):
        load_source("jarvis-dielectric")


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "jarvis", None)
    with pytest.raises(UserError, match=r"install the extra: pip install -e '.\[jarvis\]'"):
        load_source("jarvis-dielectric")
