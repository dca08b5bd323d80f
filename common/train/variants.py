"""Variants of a paper's method: dataclasses of choices, chosen by name, and their values as stored with results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace

from common.errors import UserError


def chosen(variants: Mapping[str, object], name: str, **changes):
    """The variant of this name, with some fields changed."""
    if name not in variants:
        raise UserError(f"variant {name!r} is unknown; choose one of {', '.join(variants)}")
    known = {f.name for f in fields(variants[name])}
    if strange := [field for field in changes if field not in known]:
        raise UserError(f"there is no such setting: {strange[0]!r}; there are: {', '.join(sorted(known))}")
    return replace(variants[name], **changes)


def as_settings(settings) -> dict:
    """The fields of a dataclass as plain values, so that it can grow without changing the digest of stored results.

    Fields that came later (`metadata={"later": True}`) stand here only where they differ from their default, which is
    what was done before there was a choice.
    """
    later = {f.name: f.default for f in fields(settings) if f.metadata.get("later")}
    return {k: v for k, v in asdict(settings).items() if k not in later or v != later[k]}
