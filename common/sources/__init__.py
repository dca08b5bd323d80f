"""Where tables of materials come from. `load_source("mini")` and its like, by name."""

from __future__ import annotations

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.sources import datadir, finder_sets, jarvis, mini, orr_alloys
from common.sources.remote import materials_project, tables

SOURCES = {
    "mini": mini.load,
    "mini-dos": mini.load_dos,
    "mini-swollen": mini.load_swollen,
    **datadir.SOURCES,
    **finder_sets.SOURCES,
    **jarvis.SOURCES,
    **orr_alloys.SOURCES,
    **tables.SOURCES,
    **materials_project.SOURCES,
}


def load_source(name: str) -> MaterialsDataset:
    """A table by the name under which experiments and commands ask for it."""
    if name not in SOURCES:
        raise UserError(f"no source is called {name!r}; there are: {', '.join(SOURCES)}")
    return SOURCES[name]()
