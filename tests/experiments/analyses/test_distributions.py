"""Distributions of targets, on the embedded dataset in place of the papers' and on their own data."""

import numpy as np
import pytest
from pymatgen.core import Composition

from experiments.analyses import distributions


def test_statistics_and_shares(mini, monkeypatch):
    column = {"source": "mini", "target": "band_gap"}
    monkeypatch.setattr(distributions, "_columns", lambda paper, table: {table: column})
    monkeypatch.setattr(distributions, "load_source", lambda name: mini)
    found = distributions.profitnet_targets()
    values = mini.known("band_gap").target("band_gap").values
    row = dict(zip(found["head"], found["rows"][0], strict=True))
    assert row["unit"] == "eV" and int(row["materials"]) == len(values)
    assert float(row["median"]) == pytest.approx(np.median(values), rel=5e-3)
    assert float(row["maximum"]) == pytest.approx(values.max(), rel=5e-3)
    assert sum(found["panels"][0]["curves"]["all"][1]) == pytest.approx(100, abs=0.1)


def test_binaries_by_anion(mini, monkeypatch):
    column = {"source": "mini", "target": "formation_energy"}
    monkeypatch.setattr(distributions, "_columns", lambda paper, table: {"E_f": column})
    monkeypatch.setattr(distributions, "load_source", lambda name: mini)
    counts = {row[1]: int(row[3]) for row in distributions.diffcomp_targets()["rows"]}
    known = mini.known("formation_energy").formulas
    assert counts["all"] == len(known)
    assert counts["nitrides"] == sum("N" in _elements(formula) for formula in known) > 0


def _elements(formula: str) -> set[str]:
    return {element.symbol for element in Composition(formula).elements}


def test_elements_per_formula(mini, monkeypatch):
    monkeypatch.setattr(distributions, "load_source", lambda name: mini)
    found = distributions.diffcomp_corpus()
    counts = {int(row[0]): int(row[1]) for row in found["rows"]}
    expected = np.bincount([len(_elements(formula)) for formula in mini.formulas])
    assert counts == {n: count for n, count in enumerate(expected.tolist()) if count}


@pytest.mark.real
def test_subsets_of_the_official_fold():
    counts = {tuple(row[:2]): int(row[3].replace(",", "")) for row in distributions.finder_targets()["rows"]}
    assert [counts["log10 K", part] for part in ("train", "validation", "test")] == [7910, 879, 2198]
