"""Datasets by name or from files, their labeled materials, and their splits."""

import inspect

import numpy as np
import pytest

from common.data import loading
from common.data.loading import load_data, load_labeled, make_split
from common.data.materials import MaterialsDataset, Target
from common.data.splits import Split, by_formula, by_fractions
from common.errors import UserError
from common.sources.files import Loaded


def test_data_is_a_source_or_files(tmp_path, mini, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mini").mkdir()  # a source counts before a folder of that name
    assert load_data("mini").table.digest() == mini.digest()
    (tmp_path / "x.csv").write_text("formula,gap\nSi,1.1\n")
    table = load_data(["x.csv"], target="gap", unit="eV").table
    assert table.formulas.tolist() == ["Si"] and table.target("gap").unit == "eV"
    for data, words in {
        "minni": "no file, folder or source called 'minni'; sources: mini",
        "y.csv": "y.csv does not exist",
    }.items():
        with pytest.raises(UserError, match=words):
            load_data(data)
    with pytest.raises(UserError, match="mini is a whole dataset"):
        load_data(["mini", "x.csv"])
    with pytest.raises(UserError, match="in eV, not in meV"):
        load_data("mini", target="band_gap", unit="meV")


def test_formulas_and_files_keep_their_order(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.vasp").write_text("x\n1\n3 0 0\n0 3 0\n0 0 3\nPo\n1\ndirect\n0 0 0\n")
    given = ["MgO", str(tmp_path / "b.vasp"), "SrTiO3", str(tmp_path / "a.vasp")]
    assert load_data(given, formulas=True).table.ids.tolist() == ["MgO", "b", "SrTiO3", "a"]


def test_only_labeled_materials_are_loaded(tmp_path, capsys):
    path = tmp_path / "x.csv"
    path.write_text("id,formula,gap,volume\na,Si,1.1,\nb,NaCl,5.0,2\nc,Zz,1.0,3\n")
    dataset, target, left_out = load_labeled(str(path), "gap (eV)")
    assert dataset.ids.tolist() == ["a", "b"] and target == "gap" and dataset.target("gap").unit == "eV"
    assert list(left_out) == ["c"] and "left out: c" in capsys.readouterr().err
    with pytest.raises(UserError, match="has these targets: gap, volume; choose one with --target"):
        load_labeled(str(path))
    with pytest.raises(UserError, match=r"^c: "):
        load_labeled(str(path), "gap", strict=True)
    path.write_text("id,formula,gap\na,Si,1.1\nb,NaCl,five\nc,KCl,8.5\n")
    with pytest.warns(UserWarning, match="gap of b is 'five'"):
        assert load_labeled(str(path)).dataset.ids.tolist() == ["a", "c"]
    with pytest.warns(UserWarning), pytest.raises(UserError, match=r"^b: gap is 'five', which is not a number"):
        load_labeled(str(path), strict=True)
    empty = load_labeled("mini", "total_energy", strict=True)  # a source lacks values; none is wrong
    assert len(empty.dataset) and empty.target == "total_energy"


def test_the_only_target_needs_no_name_and_unlabeled_materials_are_named(capsys):
    calls = []

    def reader(data, **options):
        calls.append((data, options))
        gap = Target(np.array([1.0, np.nan]), "")
        return Loaded(MaterialsDataset(["a", "b"], ["Si", "Ge"], targets={"gap": gap}), {"z": "is damaged"})

    dataset, target, left_out = load_labeled("anything", unit="eV", jobs=2, reader=reader)
    assert calls == [("anything", {"target": "", "unit": "eV", "strict": False, "jobs": 2})]
    assert target == "gap" and dataset.ids.tolist() == ["a"] and dataset.target("gap").unit == "eV"
    assert left_out == {"z": "is damaged", "b": "no value of gap"}
    assert "1 of 2 materials have no value of gap" in capsys.readouterr().err


def test_split_by_ratio_or_formula(mini):
    assert make_split(mini, seed=3) == by_fractions(mini, (6, 2, 2), 3)
    assert make_split(mini, ratio=(8, 1, 1), grouped=True, seed=3) == by_formula(mini, (8, 1, 1), 3)


def test_split_from_a_file(tmp_path, mini):
    ids, path = mini.ids.tolist(), str(tmp_path / "s.json")
    Split((ids[0], "bad"), (ids[1],), (ids[2],)).save(path)
    assert make_split(mini, split_file=path, left_out={"bad"}).train == (ids[0],)
    with pytest.raises(UserError, match=r"contains id bad, which is not in the dataset; fix the split file"):
        make_split(mini, split_file=path)
    Split((), (), (ids[2],)).save(path)
    with pytest.raises(UserError, match="no training materials"):
        make_split(mini, split_file=path)


def test_no_function_takes_parsed_arguments():
    for function in (load_data, load_labeled, make_split):
        assert "arguments" not in inspect.signature(function).parameters
    assert "argparse" not in vars(loading)
