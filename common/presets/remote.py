"""Presets from elsewhere, as folders to copy from: an installed package, a mirror, or a Hugging Face repository."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from common.errors import UserError
from common.io.files import reason_of
from common.io.text import choices
from common.presets.store import FILES, METADATA, is_preset
from common.sources.remote.fetching import download

HUGGING_FACE, PACKAGE = "hf://", "package:"


@contextmanager
def fetched(source: str, checksum: str = "") -> Iterator[Path]:
    """The folder of a preset, which is removed afterwards if it is a copy.

    source: a folder; package:NAME or package:NAME/PRESET, of an installed Python package with a folder `presets`;
    hf://OWNER/NAME, possibly with @REVISION; or the address of a folder on a server. checksum: SHA-256 of
    metadata.json, which holds the hashes of the other files; an address needs it.
    """
    with TemporaryDirectory(prefix="matrepro-") as temporary:
        if source.startswith(HUGGING_FACE):
            folder = _hugging_face(source)
        elif source.startswith(PACKAGE):
            folder = _of_package(source)
        elif "://" in source:
            folder = _mirrored(source, checksum, Path(temporary))
        else:
            folder = Path(source)
        if checksum and checksum_of(folder) != checksum.lower():
            raise UserError(f"{source}: {METADATA} does not have the checksum {checksum}; nothing was installed")
        yield folder


def checksum_of(folder: Path) -> str:
    """SHA-256 of the metadata of a preset."""
    try:
        return hashlib.sha256((folder / METADATA).read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{folder} is no preset ({METADATA}: {reason_of(error)})") from None


def _mirrored(address: str, checksum: str, folder: Path) -> Path:
    if not re.fullmatch("[0-9a-fA-F]{64}", checksum):
        raise UserError(f"give --sha256 with the checksum of {address}/{METADATA}, which matrepro models export prints")
    for name in (METADATA, *(name for name in FILES if name != METADATA)):
        known = f"sha256:{checksum.lower()}" if name == METADATA else ""
        download(f"{address.rstrip('/')}/{name}", folder / name, known)
    return folder


def _hugging_face(source: str) -> Path:
    name, _, revision = source.removeprefix(HUGGING_FACE).partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise UserError(f"{source!r} is not the name of a repository; write {HUGGING_FACE}OWNER/NAME")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UserError(
            f"{source} needs the package huggingface-hub: pip install huggingface-hub, or copy the repository to a "
            "folder and import that"
        ) from None
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=list(FILES)))
    except Exception as error:  # of many kinds: no network, no such repository, no permission
        raise UserError(f"{source} cannot be fetched: {reason_of(error)}") from None


def _of_package(source: str) -> Path:
    package, _, name = source.removeprefix(PACKAGE).partition("/")
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        spec = None
    places = [Path(place) / "presets" for place in (spec and spec.submodule_search_locations) or ()]
    folders = [folder for place in places if place.is_dir() for folder in place.iterdir()]
    found = {folder.name: folder for folder in folders if is_preset(folder)}
    if not found:
        raise UserError(f"{source}: there is no installed package {package!r} with presets")
    if not name and len(found) == 1:
        return next(iter(found.values()))
    if name not in found:
        raise UserError(f"{PACKAGE}{package} has no preset {name!r}{choices(name, found)}")
    return found[name]
