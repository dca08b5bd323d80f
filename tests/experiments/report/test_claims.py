"""Claims are computed from stored results, and a statement that is declared wrongly is an error."""

import pytest
import yaml

from common.errors import UserError
from experiments.analyses import results
from experiments.declare import plan
from experiments.report import claims
from experiments.report.sections import gather

DUMMY, FOREST = ["one", "gap", "dummy"], ["one", "gap", "net"]


def declare(*statements):
    made = [{"statement": f"number {k}", "where": "Table 1", **one} for k, one in enumerate(statements)]
    (plan.PAPERS / "tiny" / "claims.yaml").write_text(yaml.safe_dump(made))
    return claims.load("tiny")


def test_our_value_and_the_verdict_come_from_what_is_stored(stored):
    errors = [results.load_stored(run)[0].metrics()["MAE"] for run in stored]
    mean = sum(errors) / 2
    near, far, above, unknown, untested = declare(
        {"paper": 1.09 * mean, "unit": "eV", "ours": {"error": DUMMY}},
        {"paper": 1.2 * mean, "ours": {"error": DUMMY}, "because": "data differ"},
        {"paper": "above zero", "ours": {"error": DUMMY}, "expect": {"above": 0}, "data": "on others"},
        {"paper": 1.2 * mean, "ours": {"error": [*DUMMY, "MSE"]}},
        {"paper": 1.2 * mean, "ours": {"error": DUMMY}, "possibly": "data differ"},
    )
    assert near.verdict == "confirmed" and near.ours == f"{mean:.3g} eV" and near.paper.endswith(" eV")
    assert far.verdict == "differs, because data differ"
    assert above.verdict == "confirmed" and above.ours.endswith(", on others") and above.paper == "above zero"
    assert unknown.verdict == "not confirmed"
    assert untested.verdict == "not confirmed; possible reason, not tested: data differ"


def test_what_cannot_be_computed_says_so(stored):
    waiting, never, ratio = declare(
        {"paper": 1, "ours": {"error": FOREST}},
        {"paper": 1, "untestable": "no data"},
        {"paper": 1, "ours": {"ratio": [DUMMY, FOREST]}},
    )
    assert waiting.verdict == ratio.verdict == "not run yet" and waiting.ours == "–"
    assert never.verdict == "not testable here: no data"


def test_two_rows_are_compared_on_the_splits_of_both(stored, tiny):
    tiny["rows"]["other"] = {"model": "dummy"}
    tiny["tables"]["one"]["scales"]["real"]["seeds"]["other"] = [1]
    run = next(run for run in plan.runs("tiny", "one", "real") if run.row == "other")
    from experiments.run import runner

    runner.execute(run)
    other = ["one", "gap", "other"]
    same, first = declare(
        {"paper": 0, "ours": {"difference": [DUMMY, other]}, "expect": {"above": -1e-9, "below": 1e-9}},
        {"paper": "in 1 of 1", "ours": {"lowest": {"row": "dummy", "among": ["other"], "of": [["one", "gap"]]}}},
    )
    assert same.verdict == "confirmed"
    assert first.ours == "in 0 of 1" and first.verdict == "not confirmed"


@pytest.mark.parametrize(
    ("one", "words"),
    [
        ({"our": 1}, "unknown key 'our'"),
        ({}, "give one of ours, untestable, not_run"),
        ({"ours": {"errors": DUMMY}}, "unknown method 'errors'"),
        ({"ours": {"error": ["one", "gap", "nobody"]}}, "has no row 'nobody'"),
        ({"ours": {"error": ["one", "gaps", "dummy"]}}, "has no column 'gaps'"),
    ],
)
def test_a_wrong_statement_is_named(stored, one, words):
    with pytest.raises(UserError, match=words):
        declare({"paper": 1, **one})


def test_committed_claims_stand_first_on_the_pages():
    from experiments.report.tables import FOLDER

    for paper in gather():
        page = (FOLDER / f"{paper.name}.md").read_text()
        assert bool(paper.claims.rows) == ("## The paper's claims" in page) == (paper.name != "grand")
        assert not paper.claims.rows or page.index("claims") < page.index("## Tables")
        assert all(row[-1].startswith(claims.VERDICTS) for row in paper.claims.rows)
