"""Variants are chosen by name, and fields that came later leave the settings of earlier results as they were."""

from dataclasses import dataclass, field

import pytest

from common.errors import UserError
from common.train.recipe import Recipe
from common.train.variants import as_settings, chosen


@dataclass(frozen=True)
class Settings:
    first: int = 1
    second: str = field(default="as ever", metadata={"later": True})


def test_a_later_field_shows_only_where_it_differs():
    assert as_settings(Settings()) == {"first": 1}
    assert as_settings(Settings(2, "new")) == {"first": 2, "second": "new"}
    assert Settings(**as_settings(Settings(2, "new"))) == Settings(2, "new")


def test_the_recipe_of_the_first_results_keeps_its_fields():
    assert set(Recipe().numbers()) == {"loss", "learning_rate", "batch", "epochs", "monitor", "patience"}
    assert Recipe(standardise=True).numbers()["standardise"] is True
    assert Recipe(checkpoint_seconds=1.0, parts=4).numbers() == Recipe().numbers()


def test_a_variant_is_chosen_with_changes():
    variants = {"released": Settings(), "corrected": Settings(first=2)}
    assert chosen(variants, "corrected", second="new") == Settings(2, "new")
    with pytest.raises(UserError, match="variant 'right' is unknown; choose one of released, corrected"):
        chosen(variants, "right")
    with pytest.raises(UserError, match="no such setting: 'third'; there are: first, second"):
        chosen(variants, "released", third=1)
