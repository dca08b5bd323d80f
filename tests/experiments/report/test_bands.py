"""Bands are stated once for what is stored, and again only where more splits have come in."""

from experiments.declare import plan
from experiments.report import bands, check
from experiments.run import store


def test_bands_are_stated_for_what_is_stored(stored, tiny):
    tiny["tables"]["one"]["scales"]["real"]["columns"]["gap"]["bands"].clear()
    assert "run matrepro bands" in check.check_stored()[0][0]
    assert bands.renew("tiny") == ["one, gap, dummy"]
    low, high = bands.band("tiny", "one", "gap", "dummy")
    assert 0 < low < high and (high - low) / (high + low) < 0.05
    assert check.check_stored() == ([], 2)
    assert bands.renew("tiny") == []


def test_a_band_stays_until_more_splits_come_in(stored, tiny):
    tiny["tables"]["one"]["scales"]["real"]["columns"]["gap"]["bands"].clear()
    held = store.folder_of(stored[1]) / "cell.json"
    text = held.read_text()
    held.unlink()
    bands.renew("tiny")
    wide = bands.band("tiny", "one", "gap", "dummy")
    assert bands.stated("tiny")["one"]["gap"]["dummy"][2] == 1
    held.write_text(text)
    bands.path_of("tiny").write_text(bands.path_of("tiny").read_text().replace(f"{wide[1]}", "0.2"))
    assert bands.renew("tiny") == ["one, gap, dummy"]  # two splits now
    bands.path_of("tiny").write_text("one: {gap: {dummy: [0.1, 0.2, 2]}}")
    assert bands.renew("tiny") == [] and "lies outside 0.1 to 0.2" in check.check_stored()[0][0]
    assert not (plan.PAPERS / "profitnet").exists() and plan.papers() == ["tiny"]
