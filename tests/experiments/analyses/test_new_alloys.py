"""The screening from end to end, with stand-ins for the network and for GPAW."""

from types import SimpleNamespace

import pytest

from common.data.materials import MaterialsDataset
from esnet.dft.backends import BACKENDS
from esnet.screening.hull import PhasePool
from experiments.analyses import derived, new_alloys
from experiments.report import tables
from tests.esnet.screening.standins import ByVolume


class Trained(ByVolume):
    state = SimpleNamespace(best=0.1, best_epoch=3)
    split = SimpleNamespace(train=("a", "b"), validation=("c",))

    def settings(self):
        return {"model": "esnet"}


def test_the_best_of_new_alloys(tmp_path, monkeypatch):
    monkeypatch.setenv("MATREPRO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MATREPRO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setitem(BACKENDS, "gpaw", "tests.esnet.screening.standins:backend")
    learned = MaterialsDataset(["a"], ["AgAu"])
    monkeypatch.setattr(new_alloys, "load_source", {"isdos-2eorr": learned}.get)
    monkeypatch.setattr(new_alloys, "trained", lambda table, folder: Trained())
    monkeypatch.setattr(new_alloys, "ground_states", lambda: PhasePool(["CuAu", "CuPt"], [-0.05, -0.05]))
    monkeypatch.setattr(new_alloys, "ELEMENTS", ("Cu", "Au", "Pt"))
    derived.prepare("esnet", "new-alloys", "real")
    stored = derived._with_report("esnet", "new-alloys", "real")["stored"]
    assert sorted(stored["candidates"]) == ["CuAu-B2", "CuAu-L1_0", "CuPt-B2", "CuPt-L1_0"]
    assert set(stored["left_out"]) == {"AuPt-B2", "AuPt-L1_0"} and stored["versions"]["engine"] == "test"
    first, second = new_alloys.table([], {}, {"stored": stored})
    assert first.title == "the best 4 by ESNet" and len(first.rows) == 4
    # By the stand-in CuAu ends below its hull and CuPt above it.
    assert {row[0]: row[-1] for row in first.rows} == {
        **{f"CuAu-{cell}": "yes" for cell in ("B2", "L1_0")},
        **{f"CuPt-{cell}": "no" for cell in ("B2", "L1_0")},
    }
    assert first.notes[0] == "2 of 4 are stable when relaxed." and any("AuPt-B2, " in note for note in first.notes)
    # Unrelaxed cells have 0 eV/atom by the stand-in, above the highest E_f of -0.02.
    assert second.rows == [] and second.notes[0] == "0 of 0 are stable when relaxed."
    assert "the best 4 by ESNet" in tables.render("esnet", "new-alloys", "real")


def test_a_pair_that_was_learned_is_no_candidate():
    made = dict(new_alloys._new(MaterialsDataset(["a", "b"], ["CuAu", "Pd3Cu"])))
    assert not {"CuAu-B2", "AuCu-B2", "CuAu-L1_0", "PdCu-L1_0"} & set(made)
    assert len(made) == 2 * (11 * 10 // 2 - 2) and made["ScY-B2"].volume == pytest.approx(57.5, abs=0.1)


def test_not_run_yet():
    assert new_alloys.table([], {}, {})[0].notes == ["Open, not run yet."]
