"""Check plain values against the types of a schema; an error names file, line, key and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Required, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from common.errors import UserError, unknown
from experiments.declare.located_yaml import Located, at

WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def check(value: object, kind: Any, place: str, holder: Mapping[Any, Any], key: object) -> None:
    """Raise `UserError` if `holder[key]`, which is `value`, is not of this type. `place`: its path, for the message."""
    if kind is Any:
        return
    if get_origin(kind) is Required:
        kind = get_args(kind)[0]
    if is_typeddict(kind) and isinstance(value, dict):
        _check_fields(cast(dict[Any, Any], value), kind, place, holder, key)
    elif get_origin(kind) is dict and isinstance(value, dict):
        entries = cast(dict[Any, Any], value)
        keys, values = get_args(kind)
        for name, one in entries.items():
            _check_key(name, keys, place, entries)
            check(one, values, f"{place}.{name}", entries, name)
    elif get_origin(kind) is list and isinstance(value, list):
        for one in cast(list[object], value):
            check(one, get_args(kind)[0], place, holder, key)
    elif not matches(value, kind):
        raise UserError(f"{at(holder, key)}{place} is {_shown(value)}; write {describe(kind)}{_nearest(value, kind)}")
    else:
        for option in get_args(kind) if get_origin(kind) in (UnionType, Union) else ():
            if matches(value, option) and (is_typeddict(option) or get_origin(option) is list):
                check(value, option, place, holder, key)


def matches(value: object, kind: Any) -> bool:
    """Whether a value is of a type, as far as its outermost layer tells."""
    if kind is Any:
        return True
    if get_origin(kind) in (UnionType, Union):
        return any(matches(value, option) for option in get_args(kind))
    if get_origin(kind) is Literal:
        return value in get_args(kind) and not isinstance(value, bool)
    if is_typeddict(kind):
        return isinstance(value, dict)
    kind = get_origin(kind) or kind
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def describe(kind: Any) -> str:
    """A type in words."""
    if get_origin(kind) in (UnionType, Union):
        return " or ".join(map(describe, get_args(kind)))
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    if get_origin(kind) is list:
        return f"a list, each entry {describe(get_args(kind)[0])}"
    if get_origin(kind) is dict or is_typeddict(kind):
        return "a mapping"
    return WORDS.get(kind, str(kind))


def _check_fields(value: dict[Any, Any], kind: Any, place: str, holder: Mapping[Any, Any], key: object) -> None:
    known = get_type_hints(kind)
    for name, one in value.items():
        if name not in known:
            where = f" in {place}" if place else ""
            raise UserError(f"{at(value, name)}{unknown('key', name, known, where)}")
        check(one, known[name], f"{place}.{name}".lstrip("."), value, name)
    # Not `__required_keys__`, which postponed annotations leave without those marked Required.
    hints = get_type_hints(kind, include_extras=True)
    required = [name for name, hint in hints.items() if kind.__total__ or get_origin(hint) is Required]
    if missing := [name for name in required if name not in value]:
        located = at(value) if isinstance(value, Located) and value else at(holder, key)
        raise UserError(f"{located}{place or 'the file'} lacks the key {missing[0]!r}; add it")


def _check_key(name: object, kind: Any, place: str, holder: Mapping[Any, Any]) -> None:
    if get_origin(kind) is Literal and name not in get_args(kind):
        raise UserError(f"{at(holder, name)}{unknown('key', name, get_args(kind), f' in {place}')}")
    if kind is str and not isinstance(name, str):
        raise UserError(f"{at(holder, name)}{place}: the key {name!r} is not text; write it in quotes")


def _nearest(value: object, kind: Any) -> str:
    if get_origin(kind) is not Literal or not isinstance(value, str):
        return ""
    message = unknown("", value, get_args(kind))
    return f"; {message.partition('; ')[2]}" if "did you mean" in message else ""


def _shown(value: object) -> str:
    return "a mapping" if isinstance(value, dict) else repr(value)[:60]
