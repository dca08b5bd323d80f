"""Settings as plain values, in a way that lets a dataclass grow without changing the digest of stored results."""

from __future__ import annotations

from dataclasses import asdict, fields


def as_settings(settings) -> dict:
    """The fields of a dataclass as plain values.

    Fields that came later (`metadata={"later": True}`) stand here only where they differ from their default, which is
    what was done before there was a choice.
    """
    later = {f.name: f.default for f in fields(settings) if f.metadata.get("later")}
    return {k: v for k, v in asdict(settings).items() if k not in later or v != later[k]}
