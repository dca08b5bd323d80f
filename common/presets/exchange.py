"""Copy presets between folders; only complete ones."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from common.errors import UserError
from common.io.files import reason_of
from common.presets.store import FILES, read_metadata, verify

#: Names that are safe as folders and as names of Hugging Face repositories.
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,95}")


def copy_preset(source: Path, target: Path, *, overwrite: bool = False) -> Path:
    """Verify a preset and copy its files to the folder `target`, which appears when all of them are there."""
    name_of(source)
    verify(source)
    if target.exists() and not overwrite:
        raise UserError(f"{target} exists already; choose another folder or add --overwrite")
    if target.exists() and (target.samefile(source) or not _holds_only_a_preset(target)):
        raise UserError(f"{target} holds other files than those of a preset; choose another folder")
    temporary = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        temporary.mkdir(parents=True)
        for file in FILES:
            shutil.copyfile(source / file, temporary / file)
        if target.exists():
            shutil.rmtree(target)
        temporary.replace(target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {reason_of(error)}; free some space or choose another place") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def name_of(folder: Path) -> str:
    """The name of a preset, which is safe as the name of a folder."""
    name = str(read_metadata(folder).get("name"))
    if not NAME.fullmatch(name):
        raise UserError(f"{folder} names its preset {name!r}; use lower-case letters, digits, '-', '_' and '.'")
    return name


def _holds_only_a_preset(folder: Path) -> bool:
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= set(FILES)
