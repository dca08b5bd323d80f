"""Damaged copies of a file: bytes changed anywhere, or single values replaced by ones that no file should have."""

from __future__ import annotations

import re
from random import Random

#: What a value is replaced by.
VALUES = (
    b"", b"0", b"-1", b"nan", b"-inf", b"1e302", b"99999999999999999999", b"null", b"true", b"[]", b"{}", b'""',
    b"\0", b"\xff\xfe", b"'", b'"', b",", b"\n", b" " * 1000, b"9" * 5000, "é".encode(), b"Xx", b"../../etc",
)  # fmt: skip
TOKEN = re.compile(rb"[^\s,:;\[\]{}()\"']+")


def mutant(data: bytes, random: Random, *, text: bool) -> bytes:
    """A damaged copy; of text every other one has values replaced."""
    if text and random.random() < 0.5:
        return _values(data, random)
    return _bytes(data, random)


def _values(data: bytes, random: Random) -> bytes:
    tokens = list(TOKEN.finditer(data))
    chosen = sorted(random.sample(range(len(tokens)), min(len(tokens), random.choice((1, 1, 2, 5)))), reverse=True)
    for k in chosen:
        data = data[: tokens[k].start()] + random.choice(VALUES) + data[tokens[k].end() :]
    return data


def _bytes(data: bytes, random: Random) -> bytes:
    kind, place = random.randrange(6), random.randrange(len(data))
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + random.randbytes(random.choice((1, 8, 200))) + data[place:]
    if kind == 2:
        return data[:place] + data[place + random.choice((1, 8, 200)) :]
    if kind == 3:
        return data[:place] + data[place : place + 200] * random.choice((2, 50)) + data[place + 200 :]
    changed = bytearray(data)
    for _ in range(random.choice((1, 4, 30))):
        changed[random.randrange(len(data))] = random.choice((0, 0xFF, random.randrange(256)))
    return bytes(changed)
