"""What has been fetched: `<data>/downloads/<entry>/` with `record.json`, which says when and from where each file came
and what its hash is. That hash is what later fetches and `verify` hold a file to where its publisher gives none.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from common.errors import UserError
from common.io.files import write_text
from common.sources import datadir
from common.sources.remote import figshare
from common.sources.remote.registry import Entry, RemoteFile

RECORD = "record.json"
#: What figshare said of an article.
ARTICLE = "figshare.json"


def folder_of(entry: Entry) -> Path:
    return datadir.place("downloads") / entry.name


def known_files(entry: Entry) -> list[RemoteFile]:
    """The files of an entry without asking anybody: none of a figshare article that was never fetched."""
    known = folder_of(entry) / ARTICLE
    try:
        return figshare.files(json.loads(known.read_text())) if known.exists() else list(entry.files)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{known} is damaged; delete it and give the same command again") from None


def licence(entry: Entry) -> str:
    """As figshare stated it when the entry was fetched, else as the registry has it."""
    known = folder_of(entry) / ARTICLE
    try:
        # A page saved by hand may lack it.
        stated = json.loads(known.read_text()).get("license") if known.exists() else None
    except ValueError:
        raise UserError(f"{known} is damaged; delete it and give the same command again") from None
    return (stated or {}).get("name") or entry.licence


def record(entry: Entry) -> dict[str, dict]:
    path = folder_of(entry) / RECORD
    try:
        return json.loads(path.read_text()) if path.exists() else {}
    except ValueError:
        raise UserError(f"{path} is damaged; delete it and give the same command again") from None


def state_of(entry: Entry) -> str:
    """By the names of the files alone; `verify` looks into them."""
    folder = folder_of(entry)
    names = [file.name for file in known_files(entry)] or [RECORD]
    there = [folder.joinpath(name).exists() for name in names]
    return "fetched" if all(there) else "in part" if any(there) or any(folder.glob(".*.part")) else "not fetched"


def verify(entry: Entry) -> dict[str, str]:
    """File -> "whole", "damaged", "not fetched", or "other than published", without any network."""
    recorded, found = record(entry), {}
    for file in known_files(entry):
        path = folder_of(entry) / file.name
        if not path.exists():
            found[file.name] = "not fetched"
        elif file.checksum and not matches(path, file.checksum):
            found[file.name] = "other than published"
        elif file.name in recorded and not matches(path, recorded[file.name]["hash"]):
            found[file.name] = "damaged"
        else:
            found[file.name] = "whole"
    return found


def matches(path: Path, checksum: str) -> bool:
    import pooch

    algorithm, _, digest = checksum.rpartition(":")
    return pooch.file_hash(str(path), alg=algorithm or "sha256") == digest.lower()


def keep(path: Path, file: RemoteFile, entry: Entry, address: str) -> Path:
    import pooch

    facts = {
        "hash": f"sha256:{pooch.file_hash(str(path))}",
        "published": file.checksum,
        "bytes": path.stat().st_size,
        "from": address,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
    write_text(path.parent / RECORD, json.dumps({**record(entry), file.name: facts}, indent=1) + "\n")
    return path
