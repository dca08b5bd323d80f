"""Files of the registry, brought into the data directory once: checked, recorded, by one process at a time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from common.errors import UserError
from common.io.files import reason_of, write_text
from common.io.locks import in_turn
from common.io.messages import note
from common.sources.remote import download_record, figshare
from common.sources.remote.registry import Entry, Registry, RemoteFile
from common.sources.remote.resuming import Refused, Resuming

ATTEMPTS = 5
#: Seconds before the second attempt; each further one waits twice as long, and as long as a server asks for.
PAUSE = 1.0
LONGEST = 60.0


def fetch(entry: Entry, registry: Registry, *, mirror: str = "", renew: bool = False) -> list[Path]:
    """All files of an entry. mirror: a folder or an address with `<entry>/<file>`, asked before the publisher.

    renew: fetch again and take what comes for the file, where no checksum is published.
    """
    mirror = mirror or os.environ.get("MATREPRO_MIRROR", "")
    folder = download_record.folder_of(entry)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with in_turn(folder / ".lock", entry.name), _aside(folder / download_record.ARTICLE, renew):
            files = files_of(entry, registry, mirror=mirror)
            return [_file(file, entry, folder, mirror, renew) for file in files]
    except OSError as error:
        raise UserError(
            f"cannot write into {folder}: {reason_of(error)}; free some space or set MATREPRO_DATA"
        ) from None


def files_of(entry: Entry, registry: Registry, *, mirror: str = "") -> list[RemoteFile]:
    """The files of an entry; those of a figshare article as they were when first fetched, else as they are today."""
    if not entry.figshare:
        return list(entry.files)
    known = download_record.folder_of(entry) / download_record.ARTICLE
    if mirror and not known.exists():
        resuming = Resuming(known.with_name(f".{download_record.ARTICLE}.part"))
        try:
            _retrieve(_mirrored(mirror, entry, download_record.ARTICLE), "", known, resuming)
        except (Refused, _Gone) as error:
            note(f"{error}; asking {registry.figshare_api}")
    if not known.exists():
        found = figshare.article(registry.figshare_api, entry.figshare)
        write_text(known, json.dumps(found, indent=1) + "\n")
    return download_record.known_files(entry)


def _file(file: RemoteFile, entry: Entry, folder: Path, mirror: str, renew: bool) -> Path:
    path, recorded = folder / file.name, download_record.record(entry)
    _back(path)
    known = file.checksum or ("" if renew else recorded.get(file.name, {}).get("hash", ""))
    if path.exists() and not renew:
        if not known or download_record.matches(path, known):
            return path if file.name in recorded else download_record.keep(path, file, entry, "placed by hand")
        note(f"{path} is damaged; fetching it again")
    resuming = Resuming(folder / f".{file.name}.part", file.size, checked=bool(known))
    addresses = [*([_mirrored(mirror, entry, file.name)] if mirror else []), file.address]
    with _aside(path, renew):
        return _from_one_of(addresses, known, path, resuming, file, entry)


def _mirrored(mirror: str, entry: Entry, name: str) -> str:
    base = mirror.rstrip("/") if "://" in mirror else f"file://{Path(mirror).resolve()}"
    return f"{base}/{entry.name}/{name}"


@contextmanager
def _aside(path: Path, renew: bool) -> Iterator[None]:
    """With `renew`, what is there makes room, and comes back when the new one does not come."""
    _back(path)
    if not renew or not path.exists():
        yield
        return
    path.rename(_old(path))
    try:
        yield
    except BaseException:
        _old(path).replace(path)
        raise
    _old(path).unlink()


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _back(path: Path) -> None:
    """Put back, or away, what a killed process has left aside."""
    old = _old(path)
    if old.exists() and not path.exists():
        old.rename(path)
    old.unlink(missing_ok=True)


def _from_one_of(
    addresses: Sequence[str], known: str, path: Path, resuming: Resuming, file: RemoteFile, entry: Entry
) -> Path:
    for address in addresses:
        try:
            _retrieve(address, known, path, resuming)
            return download_record.keep(path, file, entry, address)
        except Refused as error:
            if address == addresses[-1]:
                raise UserError(f"{entry.name}: {error}; {_offline(entry, file)}") from None
            note(f"{error}; asking {addresses[-1]}")
        except _Changed as error:
            date = download_record.record(entry).get(file.name, {}).get("date", "")
            since = "" if file.checksum else f" since {date}: give --renew to take it"
            raise UserError(
                f"{address}: {error}{since}; nothing was stored. If you have the right file, put it at "
                f"{download_record.folder_of(entry) / file.name}"
            ) from None
        except _Gone as error:
            if address == addresses[-1]:
                raise UserError(f"{entry.name}: {error}. {_offline(entry, file)}") from None
            note(f"{error}; asking {addresses[-1]}")
    raise AssertionError("an address gives a file or an error")


def download(address: str, path: Path, checksum: str = "") -> None:
    """One file from an address, such as file:// or https://; checksum: "sha256:...", if it is known."""
    try:
        _retrieve(address, checksum, path, Resuming(path.with_name(f".{path.name}.part"), checked=bool(checksum)))
    except (Refused, _Gone, _Changed) as error:
        prefix = "" if address in str(error) else f"{address}: "
        raise UserError(f"{prefix}{error}; nothing was stored") from None


class _Changed(Exception):
    """What came, came whole and is another file."""


class _Gone(Exception):
    """The network or the server failed as often as it was asked."""


def _retrieve(address: str, known: str, path: Path, resuming: Resuming) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    mismatches = 0
    for attempt in range(ATTEMPTS):
        try:
            pooch.retrieve(address, known or None, fname=path.name, path=path.parent, downloader=resuming)
            return
        except requests.RequestException as error:
            answer = getattr(error, "response", None)
            if attempt == ATTEMPTS - 1:
                said = f"answers {answer.status_code} {answer.reason}" if answer is not None else _plainly(error)
                raise _Gone(f"{address} {said}, {ATTEMPTS} times") from None
            wait = min(PAUSE * 2**attempt, LONGEST)
            asked = "" if answer is None else answer.headers.get("Retry-After", "")
            time.sleep(min(max(wait, float(asked)), LONGEST) if asked.isdigit() else wait)
        except ValueError:
            # Start over: the partial file may be of an older version.
            resuming.forget()
            mismatches += 1
            if mismatches == 2 or attempt == ATTEMPTS - 1:
                raise _Changed(f"its bytes do not have the checksum {known[:20]}..., it changed") from None


def _plainly(error: Exception) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return "does not answer"
    if "ended after" in str(error) or "no bytes" in str(error):
        return str(error).partition(" ")[2]
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "breaks off in the middle"
    return "cannot be reached"


def _offline(entry: Entry, file: RemoteFile) -> str:
    path = download_record.folder_of(entry) / file.name
    return (
        f"Without a network: put the file at {path}, or set MATREPRO_MIRROR to a folder or address that has "
        f"{entry.name}/{file.name}; the next call resumes the download"
    )
