"""The registry of datasets: those of this package, and those that other packages register.

A package registers its datasets as an entry point of the group `matrepro.datasets`, a module with

    SOURCES: name -> function without arguments that returns a `MaterialsDataset`
    ROW_COUNTS: name -> `RowCount`, how the number of rows in a publication is reached (optional)

In a checkout that is not installed, the group is read from its setup.cfg.
"""

from __future__ import annotations

import csv
import pkgutil
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.compressed import DAMAGE
from common.sources import datadir, jarvis, mini
from common.sources.filter_log import Traced
from common.sources.remote import materials_project, tables

GROUP = "matrepro.datasets"
SETUP = Path(__file__).resolve().parents[2] / "setup.cfg"
OWN = {
    "mini": mini.load,
    "mini-dos": mini.load_dos,
    "mini-swollen": mini.load_swollen,
    **datadir.SOURCES,
    **jarvis.SOURCES,
    **tables.SOURCES,
    **materials_project.SOURCES,
}


@dataclass(frozen=True)
class RowCount:
    """How a published dataset is filtered.

    dataset: its name in the publication. rows: the number published. why: what explains a difference.
    """

    paper: str
    dataset: str
    rows: int
    follow: Callable[[], Traced]
    why: str = ""


@cache
def sources() -> dict[str, Callable[[], MaterialsDataset]]:
    """All datasets that can be loaded by name; a name that is registered twice is an error."""
    found: dict[str, Callable[[], MaterialsDataset]] = dict(OWN)
    for module in _modules():
        twice = found.keys() & module.SOURCES.keys()
        if twice:
            raise UserError(f"{module.__name__} registers the dataset {min(twice)}, which exists already; rename it")
        found |= module.SOURCES
    return found


@cache
def row_counts() -> dict[str, RowCount]:
    return {name: one for module in _modules() for name, one in getattr(module, "ROW_COUNTS", {}).items()}


def follow(name: str) -> Traced:
    """The filter steps of a published dataset, with the rows left after each."""
    if name not in row_counts():
        raise UserError(f"no filter steps are known for {name!r}; they are known for: {', '.join(row_counts())}")
    return row_counts()[name].follow()


def load_source(name: str) -> MaterialsDataset:
    """The dataset of this name."""
    if name not in sources():
        raise UserError(f"no source is called {name!r}; there are: {', '.join(sources())}")
    try:
        return sources()[name]()
    except (*DAMAGE, csv.Error, LookupError, ValueError, TypeError, RecursionError) as error:
        raise UserError(
            f"{name}: a file of this dataset is damaged or of another layout ({type(error).__name__}: {error}); "
            "delete it and fetch it again with matrepro data get"
        ) from error


def _modules() -> Iterator[ModuleType]:
    """The registered modules, imported only now; a checkout counts before what is installed."""
    registered = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    if SETUP.exists():
        setup = ConfigParser()
        setup.read(SETUP)
        lines = setup.get("options.entry_points", GROUP, fallback="").strip().splitlines()
        registered |= {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
    for name, value in registered.items():
        try:
            yield pkgutil.resolve_name(value)
        except (ImportError, AttributeError, ValueError) as error:
            raise UserError(f"the datasets of {name} ({value}) cannot be imported: {error}; install it again") from None
