"""The registry of published data: `registry.yaml`, or the file that MATREPRO_REGISTRY names."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path

from common.errors import UserError

OWN = Path(__file__).with_name("registry.yaml")
#: What a checksum may begin with.
ALGORITHMS = ("sha256", "sha512", "md5", "sha1")


@dataclass(frozen=True)
class RemoteFile:
    """One file. checksum: "sha256:..." as published, or empty. size: bytes, 0 where it is not published."""

    name: str
    address: str
    checksum: str = ""
    size: int = 0


@dataclass(frozen=True)
class Entry:
    """One dataset. figshare: number of the article whose files are asked for when they are fetched.

    rows: what -> number of rows that the publisher states. makes: files that it gives to the data directory.
    sources: names under which it can then be loaded. reader: the function that makes them,
    `module:function`, in this package where the module has no dot.
    """

    name: str
    title: str
    licence: str
    citation: str
    doi: str = ""
    figshare: int = 0
    files: tuple[RemoteFile, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    makes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    reader: str = ""
    note: str = ""


@dataclass(frozen=True)
class Registry:
    entries: dict[str, Entry]
    figshare_api: str

    def __getitem__(self, name: str) -> Entry:
        if name not in self.entries:
            raise UserError(f"the registry has no data called {name!r}; it has: {', '.join(self.entries)}")
        return self.entries[name]


def load(path: str | Path | None = None) -> Registry:
    import yaml

    path = Path(path or os.environ.get("MATREPRO_REGISTRY") or OWN)
    try:
        stated = yaml.safe_load(path.read_text())
        entries = {name: _entry(name, facts) for name, facts in stated["data"].items()}
        return Registry(entries, str(stated["figshare_api"]).rstrip("/"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; correct MATREPRO_REGISTRY") from None
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is no registry of data ({' '.join(str(error).split())}); correct it") from None


def _entry(name: str, facts: dict) -> Entry:
    unknown = set(facts) - {item.name for item in fields(Entry)}
    if unknown:
        raise ValueError(f"{name}: {min(unknown)} is no field of an entry")
    files = tuple(RemoteFile(**file) for file in facts.get("files", ()))
    for file in files:
        if file.checksum and file.checksum.partition(":")[0] not in ALGORITHMS:
            raise ValueError(f"{name}: the checksum of {file.name} does not begin with one of {', '.join(ALGORITHMS)}")
        if Path(file.name).name != file.name:
            raise ValueError(f"{name}: {file.name} is no plain file name")
    if bool(files) == bool(facts.get("figshare")):
        raise ValueError(f"{name} needs either files or the number of an article of figshare")
    lists = {key: tuple(facts.get(key, ())) for key in ("makes", "sources", "needs")}
    return Entry(name, **{**facts, **lists, "files": files})
