"""`matrepro data`: what data there are, fetching them, what they hold, whether they are complete."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.io.files import cache_root
from common.io.messages import note
from common.io.text import aligned, as_json
from common.sources import load_source
from common.sources import sources as registered
from common.sources.datadir import place
from common.sources.remote import download_record, fetching, materials_project, registry, writing
from common.sources.remote.mp_client import Client
from common.sources.remote.mp_pack import PACK
from common.sources.remote.recipes import recipe, recipes
from esnet.dos import materials_project as mp_densities
from experiments.cli import data_info
from experiments.cli.data_info import PAGES
from experiments.cli.parsers import ACTIONS

#: What `get all` leaves out unless it is named, since it takes hours or days.
LONG = ("mp-finder", "mp-esnet")
#: State of what was not fetched and whose tables are there, copied from elsewhere.
USABLE = "usable"


def data(arguments: Namespace) -> None:
    action, names = arguments.action, arguments.names
    if action not in ACTIONS:  # `matrepro data mini`
        action, names = "info", [action, *names]
    if action in ("get", "info") and not names:
        raise UserError(f"data {action} needs a name; matrepro data list has them")
    {"list": _list, "get": _get, "info": _info, "verify": _verify}[action](arguments, names)


# --- list ----------------------------------------------------------------------------------------


def _list(arguments: Namespace, names: list[str]) -> None:
    sources = {name: getattr(load, "func", load).__doc__.strip().splitlines()[0] for name, load in registered().items()}
    entries = {
        name: {"state": _entry_state(entry), "title": entry.title, "gives": list(entry.sources)}
        for name, entry in registry.load().entries.items()
    }
    queries = {name: {"state": _query_state(one), "title": one.title} for name, one in recipes().items()}
    if arguments.json:
        print(as_json({"sources": sources, "data": entries, "materials_project": queries}), end="")
        return
    print("Tables, by the name that commands take:\n")
    print(aligned(["source", "holds"], list(sources.items()), left=2))
    print(f"To be fetched with matrepro data get NAME ({USABLE}: its tables are in the data directory already):\n")
    print(aligned(["name", "state", "holds"], [[n, f["state"], f["title"]] for n, f in entries.items()], left=3))
    print("From the Materials Project, with a key of your own in MP_API_KEY (extra mp):\n")
    print(
        aligned(["name", "state", "query"], [[n, f["state"], f["title"]] for n, f in queries.items()], left=3), end=""
    )


def _entry_state(entry: Any) -> str:
    """What is fetched; where nothing is, the files that would be made of it may be there all the same."""
    state = download_record.state_of(entry)
    usable = entry.makes and all(place(name).exists() for name in entry.makes)
    return USABLE if state == "not fetched" and usable else state


def _query_state(one: Any) -> str:
    """That of a query, "in part" until its densities of states are there too."""
    state = materials_project.state_of(one.name)
    if state == "not fetched" and one.pack and place(PACK).exists():
        return USABLE
    return "in part" if state == "fetched" and one.densities and not mp_densities.complete(one.name) else state


# --- get -----------------------------------------------------------------------------------------


def _get(arguments: Namespace, names: list[str]) -> None:
    stated = registry.load()
    wanted = list(dict.fromkeys(one for name in names for one in _resolved(name, stated)))
    got, wrong = {}, {}
    for name in wanted:
        try:
            got[name] = [str(path) for path in _fetched(name, stated, arguments)]
        except UserError as error:
            wrong[name] = str(error)
            if len(wanted) > 1:
                note(f"{name}: {error}")
    if arguments.json:
        print(as_json({"fetched": got, "failed": wrong}), end="")
    else:
        print("".join(f"{name}: {path}\n" for name, paths in got.items() for path in paths), end="")
    if wrong:
        first = next(iter(wrong.values()))
        raise UserError(first if len(wanted) == 1 else f"{len(wrong)} of {len(wanted)} could not be fetched: {first}")


def _resolved(name: str, stated: Any) -> list[str]:
    """Names of the registry and of recipes behind a name, which may be that of a source; lists come before queries."""
    if name == "all":
        queries = [one for one in recipes() if one not in LONG]
        if not os.environ.get("MP_API_KEY"):
            note(f"MP_API_KEY is not set, so {', '.join(queries)} are left out")
            queries = []
        return [*stated.entries, *queries]
    if name in stated.entries or name in recipes() or name == PAGES:
        return [name]
    found = [one for one, entry in stated.entries.items() if name in entry.sources]
    if not found and (queries := [one.name for one in recipes().values() if name in one.sources]):
        return queries
    if not found:
        raise UserError(f"nothing called {name!r} can be fetched; matrepro data list has the names")
    return [*found, *(one for entry in found for one in stated.entries[entry].needs)]


def _fetched(name: str, stated: Any, arguments: Namespace) -> list[Path]:
    if name in stated.entries:
        return _entry(name, stated, arguments)
    if name != PAGES:
        return _recipe(name, arguments.renew)

    load_source(PAGES)
    return [cache_root() / "jarvis"]


def _entry(name: str, stated: Any, arguments: Namespace) -> list[Path]:
    entry = stated[name]
    fetched = fetching.fetch(entry, stated, mirror=arguments.mirror, renew=arguments.renew)
    return [*fetched, *writing.make(entry, fetched, renew=arguments.renew)]


def _recipe(name: str, renew: bool) -> list[Path]:
    made, densities = [materials_project.path_of(name)], recipe(name).densities
    if densities:
        made.append(materials_project.densities_of(name))
    if not renew and materials_project.verify(name) == "whole" and (not densities or mp_densities.complete(name)):
        materials_project.pack(name)
        return made  # needs neither key nor network
    with Client() as client:
        materials_project.get(name, client, renew=renew)
        if densities:
            mp_densities.get(name, client)
    return made


# --- info and verify --------------------------------------------------------------------------------------


def _info(arguments: Namespace, names: list[str]) -> None:
    facts = data_info.facts_of(names)
    print(as_json(data_info.flat(facts)) if arguments.json else data_info.text(facts), end="")


def _verify(arguments: Namespace, names: list[str]) -> None:
    stated = registry.load()
    entries = [stated[name] for name in names if name not in recipes()] if names else stated.entries.values()
    found = {one.name: download_record.verify(one) for one in entries if names or _is_fetched(one, download_record)}
    for name in recipes():
        if name in names or (not names and _is_fetched(name, materials_project)):
            found[name] = {materials_project.path_of(name).name: materials_project.verify(name)}
    every = {f"{name}/{file}": state for name, files in found.items() for file, state in files.items()}
    bad = {file: state for file, state in every.items() if state != "whole"}
    if arguments.json:
        print(as_json({"files": found, "wrong": bad}), end="")
    elif found:
        rows = [[name, file, state] for name, files in found.items() for file, state in files.items()]
        print(aligned(["name", "file", "state"], rows, left=3), end="")
    else:
        print("nothing is fetched yet")
    if bad:
        file, state = next(iter(bad.items()))
        name = file.split("/")[0]
        raise UserError(f"{len(bad)} of {len(every)} files not complete; {file}: {state}; matrepro data get {name}")


def _is_fetched(one: Any, records: Any) -> bool:
    return records.state_of(one) != "not fetched"
