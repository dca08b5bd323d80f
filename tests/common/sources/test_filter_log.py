"""Named steps with counts, and that those of each set end at the very rows that its source gives."""

import numpy as np
import pytest

from common.data.materials import MaterialsDataset, Target
from common.errors import UserError
from common.sources import load_source
from common.sources.filter_log import Traced, composition_of
from common.sources.registry import follow, row_counts


@pytest.fixture
def table():
    formulas = ["TiO2", "O2Ti", "Ti2O4", "SiO2", "CeO2", "Fe", "MgS"]
    energies = [-1.0, -3.0, -2.0, 6.0, -4.0, 0.0, np.nan]
    gaps = [3.0, 3.1, 3.2, 8.0, 0.0, 0.0, 2.0]
    targets = {"energy": Target(np.array(energies), "eV/atom"), "band_gap": Target(np.array(gaps), "eV")}
    return MaterialsDataset(list("abcdefg"), formulas, targets=targets)


def test_the_lowest_energy_of_a_composition(table):
    traced = Traced.of(table, "rows").known("energy").lowest_energy("energy")
    assert traced.table.ids.tolist() == ["b", "d", "e", "f"]
    assert traced.steps == [("energy known", 7, 6), ("lowest energy of each composition", 6, 4)]
    with pytest.raises(UserError, match="ask for the known ones first"):
        Traced.of(table, "rows").lowest_energy("energy")


def test_equal_energies_keep_the_first(table):
    same = table.with_target("energy", np.zeros(7), "eV/atom")
    assert Traced.of(same, "rows").lowest_energy("energy").table.ids.tolist() == ["a", "d", "e", "f", "g"]


def test_the_other_steps(table):
    assert Traced.of(table, "rows").nonmetals().table.ids.tolist() == ["a", "b", "c", "d", "g"]
    assert Traced.of(table, "rows").at_most("energy", 5.0).steps == [("energy at most 5 eV/atom", 7, 5)]
    assert Traced.of(table, "rows").between("band_gap", 0, 4).table.ids.tolist() == ["a", "b", "c", "g"]
    binaries = Traced.of(table, "rows").elements(2, (8,))
    assert binaries.steps == [("2 elements", 7, 6), ("with one of O", 6, 5)]
    assert Traced.of(table, "rows").without({58}, "f elements").left == 6
    assert Traced.of(table, "rows").fewer_atoms(4).left == 7
    assert Traced.of(table, "rows").fewer_atoms(3).table.ids.tolist() == ["f", "g"], "Ti2O4 counts as TiO2"
    assert Traced.of(table, "rows").unit("GPa to log10(GPa)").left == 7


def test_compositions():
    assert composition_of("Ti2O4") == composition_of("O2Ti") == composition_of("Ti(O)2") != composition_of("TiO")


def test_steps_of_nothing():
    empty = MaterialsDataset([], [], targets={"band_gap": Target(np.array([]), "eV")})
    traced = Traced.of(empty, "rows").nonmetals().elements(2, (8,)).fewer_atoms(5).lowest_energy("band_gap")
    assert traced.left == 0


def test_an_unknown_set():
    with pytest.raises(UserError, match="no filter steps are known for 'mini'"):
        follow("mini")


@pytest.mark.real
@pytest.mark.parametrize(
    "name", ["profit-pbe-gap", "profit-pbe-enthalpy", "exp-band-gap", "exp-formation-enthalpy", "diffcomp-binaries"]
)
def test_the_steps_end_at_what_the_source_gives(real_data, name):
    traced = follow(name)
    assert traced.table.ids.tolist() == load_source(name).ids.tolist()
    assert all(step.after <= step.before for step in traced.steps)
    assert [step.before for step in traced.steps[1:]] == [step.after for step in traced.steps[:-1]]


@pytest.mark.real
def test_the_papers_counts_that_the_data_directory_can_meet(real_data):
    """Measured sets: one row more than the papers'; calculated ones are of another release of the database."""
    left = {name: follow(name).left for name in ("exp-band-gap", "exp-formation-enthalpy", "profit-eps", "isdos-2eorr")}
    assert left == {"exp-band-gap": 466, "exp-formation-enthalpy": 1128, "profit-eps": 1301, "isdos-2eorr": 378}
    for name in ("exp-band-gap", "exp-formation-enthalpy"):
        assert left[name] - row_counts()[name].rows == 1
