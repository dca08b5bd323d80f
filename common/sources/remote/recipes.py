"""The papers' queries to the Materials Project by name, from `recipes.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from common.chem.elements import F_BLOCK
from common.chem.formula import parse_formula
from common.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """What to ask for.

    lists: files of the data directory whose material_id are asked for. query: criteria as mp-api names them.
    each: criteria of which each value is asked for in turn. without: "f-block" leaves those formulas out.
    fields: properties besides the structure. densities: whether projected densities of states are fetched too.
    pack: whether it goes into mp/mp_structures.h5, from which several sources are made. sources: further names under
    which it can then be loaded.
    paper: what -> number of rows in the paper.
    """

    name: str
    title: str
    fields: tuple[str, ...]
    lists: tuple[str, ...] = ()
    query: dict = field(default_factory=dict)
    each: dict[str, list] = field(default_factory=dict)
    without: str = ""
    densities: bool = False
    pack: bool = False
    sources: tuple[str, ...] = ()
    paper: dict[str, int] = field(default_factory=dict)

    def queries(self) -> list[dict]:
        """The criteria to ask for one after the other; none where ids are listed."""
        found = [{**self.query}] if self.query or self.each else []
        for name, values in self.each.items():
            found = [{**criteria, name: value} for criteria in found for value in values]
        # mp-api takes ranges as pairs.
        return [
            {k: tuple(v) if isinstance(v, list) and v and isinstance(v[0], int) else v for k, v in one.items()}
            for one in found
        ]

    def wants(self, formula: str) -> bool:
        return self.without != "f-block" or not F_BLOCK & set(parse_formula(formula))


@cache
def recipes() -> dict[str, Recipe]:
    import yaml

    stated = yaml.safe_load(Path(__file__).with_name("recipes.yaml").read_text())
    found = {}
    for name, facts in stated.items():
        plural = {key: tuple(facts.get(key, ())) for key in ("fields", "lists", "sources")}
        found[name] = Recipe(name, **facts | plural)
    return found


def recipe(name: str) -> Recipe:
    if name not in recipes():
        raise UserError(f"no recipe is called {name!r}; there are: {', '.join(recipes())}")
    return recipes()[name]
