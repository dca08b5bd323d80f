"""Every mistake in a declaration is one line with file, line number, key and the nearest valid name."""

import copy
import re

import pytest
import yaml

from common.errors import UserError
from experiments.cli import main as cli
from experiments.declare import folders, plan
from tests.experiments.conftest import DECLARED

COLUMN = ("tables", "one", "scales", "mini", "columns", "gap (mini)")


def written(tiny_home, text):
    (tiny_home / "tiny" / "tables.yaml").write_text(text)
    plan.declaration.cache_clear()
    folders.raw.cache_clear()


MISTAKES = [
    ((), "ruws", {}, r"unknown key 'ruws'; did you mean 'rows'\?"),
    (("rows", "net"), "varient", "corrected", "did you mean 'variant'"),
    (("rows", "net"), "recipie", {}, "did you mean 'recipe'"),
    (("rows", "net"), "model", "ofmcn", "unknown model 'ofmcn'; did you mean 'ofmcnn'"),
    (("rows", "net"), "variant", "corected", "did you mean 'corrected'"),
    (("rows", "net"), "recipe", {"epoch": 3}, "did you mean 'epochs'"),
    (("rows", "net"), "recipe", {"epochs": "many"}, "recipe.epochs is 'many'; write a whole number"),
    (("rows", "net"), "recipe", {"epochs": -8}, "epochs is -8"),
    (("rows", "net"), "recipe", {"preset": "fats"}, "unknown recipe of ofmcnn 'fats'"),
    (("rows", "net"), "config", {"lairs": 3}, "unknown setting 'lairs'"),
    (("tables", "one"), "metrics", ["MEA"], "write MAE"),
    (("tables", "one"), "colums", {}, "did you mean 'columns'"),
    (("tables", "one", "scales"), "rael", {}, "did you mean 'real'"),
    (("tables", "one", "scales", "mini"), "seeds", {"nett": [0]}, "unknown row 'nett'; did you mean 'net'"),
    (("tables", "one", "scales", "mini", "split"), "kind", "fraction", "did you mean 'fractions'"),
    (("tables", "one", "scales", "mini", "split"), "share", [1], "did you mean 'shares'"),
    (COLUMN, "sedes", [0], "did you mean 'seeds'"),
    (COLUMN, "seeds", "zero", "seeds is 'zero'; write a list, each entry a whole number"),
    (COLUMN, "seeds", [True], "seeds is True"),
    (COLUMN, "seeds", [-5], "seed -5"),
    (COLUMN, "source", "minni", "unknown source 'minni'; did you mean 'mini'"),
    (COLUMN, "excluded", {"no reason": ["dumy"]}, "unknown row 'dumy'; did you mean 'dummy'"),
    (COLUMN, "taken_from", {"paper": "tiny", "table": "one", "column": "gop", "rows": {}}, "unknown column 'gop'"),
    (COLUMN, "taken_from", [{"paper": "tiny", "table": "one", "colum": "gap", "rows": {}}], "did you mean 'column'"),
]


@pytest.mark.parametrize(
    ("place", "key", "value", "message"), MISTAKES, ids=[f"{m[1]}-{n}" for n, m in enumerate(MISTAKES)]
)
def test_a_mistake_names_file_line_and_the_nearest_name(tiny, capsys, place, key, value, message):
    declared = copy.deepcopy(DECLARED)
    inner = declared
    for name in place:
        inner = inner[name]
    inner[key] = value
    written(plan.PAPERS, text := yaml.safe_dump(declared, sort_keys=False))
    assert cli.main(["tables", "tiny", "one"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and re.search(message, err), err
    line = int(re.search(r"tables\.yaml:(\d+): ", err)[1])
    assert 0 < line <= len(text.splitlines())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paper: tiny\npaper: tiny\n", ":2: duplicate key 'paper'"),
        ("rows:\n  net: {model: dummy}\n  net: {model: dummy}\n", ":3: duplicate key 'net', first in line 2"),
        ("rows: [\n", ":2: "),
        ("rows: {\ttab\n", ":"),
        ("- a\n", "must hold a mapping"),
        ("paper: tiny\n", "lacks the key 'rows'"),
        ("paper: tiny\nrows: {}\ntables:\n  one: {title: x}\n", ":4: tables.one lacks the key 'scales'"),
        ("\x00", "not YAML"),
    ],
)
def test_syntax_errors_duplicate_and_missing_keys(tiny, text, message):
    written(plan.PAPERS, text)
    with pytest.raises(UserError) as error:
        plan.declaration("tiny")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_preset_is_resolved_before_it_is_hashed(tiny, monkeypatch):
    from profitnet.regressor import OFMCNN

    monkeypatch.setattr(OFMCNN, "recipes", {"fast": {"batch": 64, "epochs": 9}}, raising=False)
    plain = plan.runs("tiny", "one", "mini")[0]
    tiny["rows"]["net"]["recipe"] = {"preset": "fast"}
    fast = plan.runs("tiny", "one", "mini")[0]
    assert fast.settings["recipe"] == {"batch": 64, "epochs": 1} and fast.digest() != plain.digest()
    tiny["rows"]["net"]["recipe"] = {"batch": 64}
    assert plan.runs("tiny", "one", "mini")[0].digest() == fast.digest()
