"""Read the declaration of a paper, and check it against the schema and for names that do not exist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from experiments.declare.folders import raw
from experiments.declare.references import check_references
from experiments.declare.schema import Declaration
from experiments.declare.validate import check


def read_declaration(folder: Path, folder_of: Callable[[str], Path]) -> Declaration:
    """The declaration in the folder of a paper; `folder_of` finds the folders of other papers."""
    declared = _of_schema(folder)
    # Other papers are not checked further here: each may take runs from the other.
    check_references(declared, lambda paper: _of_schema(folder_of(paper)))
    return declared


def _of_schema(folder: Path) -> Declaration:
    found = raw(folder)
    check(found, Declaration, "", found, None)
    return cast(Declaration, found)
