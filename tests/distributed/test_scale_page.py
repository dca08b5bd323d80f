"""The model of costs, and the page that is written from it."""

import json

import pytest

from benchmarks import scale
from common.errors import UserError


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A page, timings and results of their own."""
    for name, file in (("PAGE", "scale.md"), ("FACTS", "scale.yaml"), ("POINTS", "points.json")):
        monkeypatch.setattr(scale, name, tmp_path / file)
    monkeypatch.setenv("MATREPRO_RESULTS", str(tmp_path / "results"))
    (tmp_path / "scale.yaml").write_text(
        "parameters: {finder: 1000000}\n"
        "network: {bandwidth: 1.0e8, latency: 0.5, nodes: [2]}\n"
        "tables:\n"
        "  - {name: T, shares: [0.6, 0.3], sets: {a: 1000, b: 100}, models: {finder: 10, megnet: 5}, runs: 2}\n"
    )
    names = ("points", "costs", "tables", "nodes", "precision")
    places = (f"<!-- {n}: written by python -m benchmarks.scale -->\nold {n}\n<!-- end of {n} -->" for n in names)
    (tmp_path / "scale.md").write_text("# Scale\n\n" + "\n\ntext\n\n".join(places) + "\n")
    times = {"float32": 20.0, "XLA": 10.0, "bfloat16": 30.0, "bfloat16 and XLA": None}
    (tmp_path / "points.json").write_text(json.dumps({"megnet": {"milliseconds": times, "batch": 32, "load": 1.5}}))
    for number, seconds in enumerate((90.0, 110.0, 300.0)):
        folder = tmp_path / f"results/real/finder/table/a/Finder/seed-{number}"
        folder.mkdir(parents=True)
        record = {
            "resolved": {"model": "finder"},
            "split": {"n_train": 70, "n_validation": 90},
            "epochs_run": 10,
            "wall_seconds": seconds,
            "device": {"accelerator": "none"},
        }
        (folder / "cell.json").write_text(json.dumps(record))
    return tmp_path


def test_costs_are_medians_of_results_and_short_timings_where_there_are_none(home):
    assert scale.costs() == {"finder": (pytest.approx(0.11), "3 stored results"), "megnet": (0.02, "short timing")}


def test_compositions_alone_do_not_say_what_pictures_cost(home):
    path = home / "results/real/finder/table/a/Finder/seed-2/cell.json"
    record = json.loads(path.read_text())
    for number, cv_nodes in enumerate((9, 10)):
        record["resolved"] = {"model": "diffcomp", "config": {"cv_nodes": cv_nodes}}
        other = path.parents[1] / f"seed-{5 + number}" / "cell.json"
        other.parent.mkdir()
        other.write_text(json.dumps(record | {"wall_seconds": 300.0 / (1 + number)}))
    found = scale.costs()
    assert found["diffcomp"][0] == pytest.approx(2 * found["diffcomp, composition alone"][0])


def test_results_of_an_accelerator_do_not_count_for_a_processor(home):
    path = home / "results/real/finder/table/a/Finder/seed-2/cell.json"
    path.write_text(path.read_text().replace('"none"', '"some GPU"').replace("300.0", "1.0"))
    assert scale.costs()["finder"][0] == pytest.approx(0.10)
    assert "some GPU" in scale.sections()["points"]


def test_every_training_of_a_table_counts(home):
    import yaml

    found = scale.trainings(yaml.safe_load(scale.FACTS.read_text()))
    assert len(found) == 2 * 2 * 2
    assert found[0] == {"table": "T", "model": "finder", "epochs": 10, "train": 600, "rows": pytest.approx(700.0)}


def test_an_exchange_sends_nearly_all_gradients_twice():
    network = {"bandwidth": 1e9, "latency": 0.25}
    assert scale.exchange(10**9, 2, network) == pytest.approx(4.25)
    assert scale.exchange(10**9, 1000, network) == pytest.approx(8.25, abs=0.01)


def test_the_page_keeps_its_words_and_gets_new_tables(home):
    scale.write()
    text = scale.PAGE.read_text()
    assert text.startswith("# Scale\n") and text.count("text") == 4 and "old" not in text
    # Ten epochs of 700 and 70 rows at 0.11 s, twice each: 847 s on one core, half of it on two.
    assert "| T | finder | 4 | 1.54e+04 | 13 min | 14 min | 13 min | open |" in text
    assert "| megnet | 32 | 20.00 | 0.50 | 1.50 | not possible | no | 1.5 |" in text
    # An epoch of 700 rows: 77 s alone; 5 updates of 600 rows, each with 0.54 s for the exchange, on two nodes.
    assert "| finder | 600 | 128 | 4.0 | 77 s | 41.2 s (1.9x) |" in text
    before = text
    scale.write()
    assert scale.PAGE.read_text() == before


def test_a_page_without_a_place_for_a_table_is_named(home):
    scale.PAGE.write_text("# Scale\n")
    with pytest.raises(UserError, match="has no place for the table points"):
        scale.write()


def test_a_network_that_does_not_exist(home):
    with pytest.raises(UserError, match="unknown network 'alexnet'; choose from profitnet"):
        scale.measure(["alexnet"])
