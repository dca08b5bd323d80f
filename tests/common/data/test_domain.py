"""Domain classes: calibrated on held-out materials, and kept when stored."""

import numpy as np

from common.data.domain import CLASSES, Domain


def cloud(n, seed, shift=0.0):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, 6)) * [1, 10, 0.1, 5, 1e-9, 2] + shift


def test_held_out_materials_are_80_15_and_5_percent_and_far_ones_outside():
    held_out = cloud(400, 1)
    errors = np.linspace(0, 1, 400)
    domain = Domain.of(cloud(600, 0), held_out, errors)
    assert domain.counts == (320, 60, 20)
    found = domain.classes(held_out)
    assert [int((found == name).sum()) for name in CLASSES] == [320, 60, 20]
    for name, error in zip(CLASSES, domain.errors, strict=True):
        assert abs(errors[found == name].mean() - error) < 1e-6
    assert set(domain.classes(cloud(50, 2, shift=100.0))) == {"outside"}
    assert domain.classes(held_out[:2], ["", "Pu"])[1] == "outside"


def test_stored_domains_are_the_same():
    domain = Domain.of(cloud(60, 0), cloud(40, 1), np.ones(40))
    again = Domain.from_plain(domain.as_plain())
    np.testing.assert_array_equal(domain.distances(cloud(20, 3)), again.distances(cloud(20, 3)))
    assert (again.limits, again.counts, again.errors) == (domain.limits, domain.counts, domain.errors)
    assert not domain.separates
    assert [row["class"] for row in domain.table()] == list(CLASSES)


def test_larger_errors_far_away_separate():
    held_out = np.concatenate([cloud(95, 1), cloud(5, 2, shift=50.0)])
    assert Domain.of(cloud(300, 0), held_out, np.repeat([1.0, 5.0], [95, 5])).separates


def test_pairs_of_elements_that_never_occurred_together_are_at_the_edge():
    held_out = cloud(40, 1)
    domain = Domain.of(cloud(60, 0), held_out, np.ones(40), ["NaCl", "K2O"] * 30, ["NaCl"] * 39 + ["NaO"])
    again = Domain.from_plain(domain.as_plain())
    assert again.pairs == domain.pairs == {"Cl": {"Na"}, "K": {"O"}}
    near = held_out[domain.classes(held_out) == "inside"][:2]
    assert again.classes(near, formulas=["NaCl", "NaKCl"]).tolist() == ["inside", "edge"]
    assert set(again.classes(cloud(2, 2, shift=100.0), formulas=["NaCl", "NaO"])) == {"outside"}
    assert Domain.of(cloud(60, 0), held_out, np.ones(40)).pairs is None


def test_too_few_or_equal_materials_have_no_domain():
    assert Domain.of(cloud(1, 0), cloud(5, 1), np.ones(5)) is None
    assert Domain.of(cloud(9, 0), cloud(0, 1), np.ones(0)) is None
    assert Domain.of(np.zeros((9, 3)), cloud(5, 1)[:, :3], np.ones(5)) is None
