"""Where tables of materials come from. `load_source("mini")` and its like, by name."""

from __future__ import annotations

from common.errors import UserError
from common.materials import MaterialsTable
from common.sources import datadir, finder_sets, jarvis, mini

SOURCES = {
    "mini": mini.load,
    "mini-dos": mini.load_dos,
    **datadir.SOURCES,
    **finder_sets.SOURCES,
    **jarvis.SOURCES,
}


def load_source(name: str) -> MaterialsTable:
    """A table by the name under which experiments and commands ask for it."""
    if name not in SOURCES:
        raise UserError(f"no source is called {name!r}; there are: {', '.join(SOURCES)}")
    return SOURCES[name]()
