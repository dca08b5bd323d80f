"""Figures 1a, A1, A5 and A6 of ESNet on data whose answer is known."""

import h5py
import numpy as np
import pytest

from common.errors import UserError
from common.sources.mini import PATH, load_swollen
from esnet.screening.published import Published
from experiments.analyses import esnet_figures


def test_bond_lengths_of_swollen_cells(mini):
    """Every distance grows by 3 %."""
    few = [name for name in mini.ids.tolist() if name.endswith(("-B1", "-B2"))][:20]
    found = esnet_figures.bond_changes(mini.select(few), load_swollen().select(few))
    values = dict(found["rows"])
    assert float(values["mean absolute change (%)"]) == pytest.approx(3.0)
    assert float(values["bonds that become shorter (%)"]) == 0
    assert sum(found["panels"][0]["curves"]["all"][1]) == pytest.approx(100, abs=0.01)
    assert found["notes"] == ["20 pairs of structures, 12 nearest neighbours of each atom."]


def test_neighbours_of_rock_salt(mini):
    crystal = mini.structure(int(mini.rows_of(["NaCl-B1"])[0]))
    distances = esnet_figures.nearest(crystal)
    assert distances.shape == (2, 12) and np.ptp(distances[:, :6]) < 1e-6 and (distances[:, 6] > distances[:, 5]).all()


def test_released_predictions(monkeypatch, tmp_path):
    target = np.array([-1.0, 0.0, 1.0, 2.0])
    monkeypatch.setattr(esnet_figures, "published", lambda task: Published(list("abcd"), [], target, target + 0.05))
    energies, errors = esnet_figures.target_energies(), esnet_figures.released_errors()
    assert dict(energies["rows"])["at most 0 eV/atom (%)"] == "50.000"
    assert errors["rows"][0] == ["IS2RE", "0.050", "0.050", "0.050", "0.050", "100.000"]
    assert set(errors["panels"][0]["curves"]) == {"IS2RE", "RS2RE"}


def test_total_densities(monkeypatch, tmp_path):
    with h5py.File(PATH) as source:
        for name in ("unrelaxed", "relaxed"):
            with h5py.File(tmp_path / f"{name}.h5", "w") as file:
                source.copy("materials/MgO-B1", file.require_group("materials"), esnet_figures.CDAU)
    monkeypatch.setattr(esnet_figures, "existing", lambda name: tmp_path / "unrelaxed.h5")
    monkeypatch.setattr(esnet_figures, "relaxed_densities", lambda: tmp_path / "relaxed.h5")
    found = esnet_figures.total_dos()
    assert "1.000" in found["notes"][0] and set(found["panels"][0]["curves"]) == {"unrelaxed", "relaxed"}
    with h5py.File(tmp_path / "relaxed.h5", "a") as file:
        del file["materials"][esnet_figures.CDAU]
    with pytest.raises(UserError, match="has no material 100721; compute it again"):
        esnet_figures.total_dos()
