"""`matrepro data`: what data there are, fetching them, what they hold, whether they are whole."""

from __future__ import annotations

import os

from common.cli import parser as cli
from common.cli.package_spec import FILES_HELP
from common.errors import UserError
from common.io.messages import note
from common.io.text import aligned, as_json
from experiments.cli.data_info import PAGES

ACTIONS = ("list", "get", "info", "verify")
EXAMPLE = """matrepro data list
matrepro data get profit-lists matbench-phonons --mirror /mnt/copies
MP_API_KEY=... matrepro data get mp-profit
matrepro data info profit-pbe-gap
matrepro data verify"""
#: What `get all` leaves to be named, since it takes hours or days.
LONG = ("mp-finder", "mp-esnet")


def add_data(commands) -> None:
    one = cli.add_command(
        commands,
        "data",
        data,
        "list, fetch, describe and verify data",
        EXAMPLE,
        "list: every source, what can be fetched, and each paper's query to the Materials Project. get: fetch into "
        "the data directory (MATREPRO_DATA, ./data where it is not set) what is not there yet, and go on with what is "
        "there in part; `all` is everything but queries of hours. info: what a table holds, where it comes from, and "
        "the steps to a paper's number of rows. verify: whether the fetched files are whole.",
    )
    one.add_argument("action", nargs="?", default="list", metavar="ACTION", help=f"{', '.join(ACTIONS)}; default list")
    one.add_argument("names", nargs="*", metavar="NAME", help=f"names of the list; for info also {FILES_HELP}")
    one.add_argument("--mirror", default="", metavar="PLACE", help="folder or address asked first (MATREPRO_MIRROR)")
    one.add_argument("--renew", action="store_true", help="get: fetch again what is there, and take what comes")
    one.add_argument("--json", action="store_true", help="print JSON")


def data(arguments) -> None:
    action, names = arguments.action, arguments.names
    if action not in ACTIONS:  # `matrepro data mini`
        action, names = "info", [action, *names]
    if action in ("get", "info") and not names:
        raise UserError(f"data {action} needs a name; matrepro data list has them")
    {"list": _list, "get": _get, "info": _info, "verify": _verify}[action](arguments, names)


# --- list ----------------------------------------------------------------------------------------


def _list(arguments, names: list[str]) -> None:
    from common.sources import sources as registered
    from common.sources.remote import registry
    from common.sources.remote.download_record import state_of
    from common.sources.remote.recipes import recipes

    sources = {name: getattr(load, "func", load).__doc__.strip().splitlines()[0] for name, load in registered().items()}
    entries = {
        name: {"state": state_of(entry), "title": entry.title, "gives": list(entry.sources)}
        for name, entry in registry.load().entries.items()
    }
    queries = {name: {"state": _state(one), "title": one.title} for name, one in recipes().items()}
    if arguments.json:
        print(as_json({"sources": sources, "data": entries, "materials_project": queries}), end="")
        return
    print("Tables, by the name that commands take:\n")
    print(aligned(["source", "holds"], list(sources.items()), left=2))
    print("To be fetched with matrepro data get NAME:\n")
    print(aligned(["name", "state", "holds"], [[n, f["state"], f["title"]] for n, f in entries.items()], left=3))
    print("From the Materials Project, with a key of your own in MP_API_KEY (extra mp):\n")
    print(
        aligned(["name", "state", "query"], [[n, f["state"], f["title"]] for n, f in queries.items()], left=3), end=""
    )


def _state(one) -> str:
    """That of a query, "in part" until its densities of states are there too."""
    from common.sources.remote import materials_project
    from esnet.dos import materials_project as mp_densities

    state = materials_project.state_of(one.name)
    return "in part" if state == "fetched" and one.densities and not mp_densities.complete(one.name) else state


# --- get -----------------------------------------------------------------------------------------


def _get(arguments, names: list[str]) -> None:
    from common.sources.remote import registry

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


def _resolved(name: str, stated) -> list[str]:
    """Names of the registry and of recipes behind a name, which may be that of a source; lists come before queries."""
    from common.sources.remote.recipes import recipes

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


def _fetched(name: str, stated, arguments) -> list:
    if name in stated.entries:
        return _entry(name, stated, arguments)
    if name != PAGES:
        return _recipe(name, arguments.renew)
    from common.features.cache import cache_root
    from common.sources import load_source

    load_source(PAGES)
    return [cache_root() / "jarvis"]


def _entry(name: str, stated, arguments) -> list:
    from common.sources.remote import fetching, writing

    entry = stated[name]
    fetched = fetching.fetch(entry, stated, mirror=arguments.mirror, renew=arguments.renew)
    return [*fetched, *writing.make(entry, fetched, renew=arguments.renew)]


def _recipe(name: str, renew: bool) -> list:
    from common.sources.remote import materials_project
    from common.sources.remote.mp_client import Client
    from common.sources.remote.recipes import recipe
    from esnet.dos import materials_project as mp_densities

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


def _info(arguments, names: list[str]) -> None:
    from experiments.cli import data_info

    facts = data_info.facts_of(names)
    print(as_json(data_info.flat(facts)) if arguments.json else data_info.text(facts), end="")


def _verify(arguments, names: list[str]) -> None:
    from common.sources.remote import download_record as kept
    from common.sources.remote import materials_project, registry
    from common.sources.remote.recipes import recipes

    stated = registry.load()
    entries = [stated[name] for name in names if name not in recipes()] if names else stated.entries.values()
    found = {entry.name: kept.verify(entry) for entry in entries if names or kept.state_of(entry) != "not fetched"}
    for name in recipes():
        if name in names or (not names and materials_project.state_of(name) != "not fetched"):
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
        raise UserError(f"{len(bad)} of {len(every)} files not whole; {file}: {state}; matrepro data get {name}")
