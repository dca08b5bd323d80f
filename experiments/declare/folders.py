"""Where papers are declared: in this package, and in the folders that `MATREPRO_PAPERS` names.

A folder of papers holds one folder per paper with `tables.yaml`, `reported.yaml` where numbers are compared, and the
paper's own code: the folder of papers is put on Python's path, so `toy/regressor.py` is the module `toy.regressor`.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

from common.errors import UserError, unknown
from experiments.declare.located_yaml import Located, read

VARIABLE = "MATREPRO_PAPERS"


def extra_folders() -> list[Path]:
    """The folders of `MATREPRO_PAPERS`, separated as in PATH; they are put on Python's path."""
    folders = [Path(name).absolute() for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{VARIABLE} names {folder}, which is not a folder; correct or unset it")
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    return folders


def folders_of_papers(suite: Path) -> dict[str, Path]:
    """Paper -> its folder, for the papers of the suite and those of `MATREPRO_PAPERS`."""
    paths = (path for folder in (suite, *extra_folders()) for path in sorted(folder.glob("*/tables.yaml")))
    found: dict[str, Path] = {}
    for path in paths:
        name = path.parent.name
        if name in found:
            raise UserError(f"{path.parent} and {found[name]} declare the same paper; rename one of the folders")
        found[name] = path.parent
    return dict(sorted(found.items()))


def folder_of(paper: str, suite: Path) -> Path:
    folders = folders_of_papers(suite)
    if paper not in folders:
        raise UserError(f"no tables are declared for {paper!r}; {unknown('paper', paper, folders)}")
    return folders[paper]


@lru_cache
def raw(folder: Path) -> Located:
    """The declaration in a folder of a paper, before it is checked."""
    return read(folder / "tables.yaml")
