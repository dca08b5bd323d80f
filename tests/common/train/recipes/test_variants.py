"""Variants are chosen by name, and fields that came later leave the settings of earlier results as they were."""

from dataclasses import dataclass

import pytest

from common.errors import UserError
from common.train.recipes.recipe import Recipe
from common.train.recipes.variants import as_settings, chosen, current_names, from_settings, later


@dataclass(frozen=True)
class Settings:
    first: int = 1
    second: str = later("as ever")


def test_a_later_field_shows_only_where_it_differs():
    assert as_settings(Settings()) == {"first": 1}
    assert as_settings(Settings(2, "new")) == {"first": 2, "second": "new"}
    assert from_settings(Settings, as_settings(Settings(2, "new"))) == Settings(2, "new")


def test_a_default_may_change_and_earlier_results_keep_the_value_they_had():
    @dataclass(frozen=True)
    class Changed:
        name: str = later("new", before="old", stored="former")

    assert as_settings(Changed("old")) == {} and as_settings(Changed()) == {"former": "new"}
    assert from_settings(Changed, {}) == Changed("old") and from_settings(Changed, {"former": "new"}) == Changed("new")
    assert current_names(Changed, {"former": 1, "other": 2}) == {"name": 1, "other": 2}


def test_the_recipe_of_the_first_results_keeps_its_fields():
    assert set(Recipe().numerical_fields()) == {"loss", "learning_rate", "batch", "epochs", "monitor", "patience"}
    assert Recipe(standardize=True).numerical_fields()["standardise"] is True
    assert Recipe(checkpoint_seconds=1.0, accumulation_steps=4).numerical_fields() == Recipe().numerical_fields()


def test_a_variant_is_chosen_with_changes():
    variants = {"released": Settings(), "corrected": Settings(first=2)}
    assert chosen(variants, "corrected", second="new") == Settings(2, "new")
    with pytest.raises(UserError, match="variant 'right' is unknown; choose one of released, corrected"):
        chosen(variants, "right")
    with pytest.raises(UserError, match="no such setting: 'third'; there are: first, second"):
        chosen(variants, "released", third=1)
