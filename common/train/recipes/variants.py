"""Variants of a paper's method: dataclasses of choices, chosen by name, and their values as stored with results.

Results and models are stored with the settings that made them, and a hash of these says whether a result is still that
of its declaration. So that dataclasses may grow and their fields get better names, the metadata of a field can hold

    before   the value that every result had before there was this field; at this value the field is not stored
    stored   the name under which the field is stored, where that is not its name
    numerical  False for a field that changes speed or memory and not the result
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, asdict, field, fields, replace
from typing import Any

from common.errors import UserError
from common.io.text import choices


def later(default: Any, *, before: Any = MISSING, stored: str = "") -> Any:
    """A field that was added after results had been stored; `before` is its default if that has not changed since."""
    metadata = {"before": default if before is MISSING else before}
    return field(default=default, metadata=metadata | ({"stored": stored} if stored else {}))


def renamed(default: Any, *, stored: str) -> Any:
    """A field whose name was another one when results were stored."""
    return field(default=default, metadata={"stored": stored})


def chosen(variants: Mapping[str, Any], name: str, *, also: Iterable[str] = (), **changes: Any) -> Any:
    """The variant of this name, with some fields changed; `also` are settings that an error message names too."""
    if name not in variants:
        raise UserError(f"variant {name!r} is unknown; choose one of {', '.join(variants)}")
    known = {f.name for f in fields(variants[name])}
    if unknown := [name for name in changes if name not in known]:
        raise UserError(f"there is no such setting: {unknown[0]!r}{choices(unknown[0], {*known, *also})}")
    return replace(variants[name], **changes)


def as_settings(settings: Any) -> dict[str, Any]:
    """The fields of a dataclass as plain values, named and left out as in stored results."""
    values = asdict(settings)
    return {_stored_name(f): values[f.name] for f in fields(settings) if not _as_before(f, values[f.name])}


def from_settings(kind: type, stored: Mapping[str, Any]) -> Any:
    """The dataclass that `as_settings` has made plain values of."""
    known = {_stored_name(f): f for f in fields(kind)}
    values = {known[name].name if name in known else name: value for name, value in stored.items()}
    before = {f.name: f.metadata["before"] for f in fields(kind) if "before" in f.metadata}
    return kind(**{**before, **values})


def current_names(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which fields may stand under the names that they are stored with."""
    names = {_stored_name(f): f.name for f in fields(kind)}
    return {names.get(name, name): value for name, value in settings.items()}


def _stored_name(f: Field) -> str:
    return f.metadata.get("stored", f.name)


def _as_before(f: Field, value: Any) -> bool:
    return "before" in f.metadata and value == f.metadata["before"]
