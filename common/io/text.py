"""Aligned text, CSV and JSON."""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: The power of the target's unit in which a metric comes; the others have none.
POWERS = {"MAE": 1, "RMSE": 1, "ME": 1, "MSE": 2}


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns of text; the first `left` of them flush left, the others flush right."""
    lines = [list(map(str, header)), *(list(map(str, row)) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    cells = (
        [cell.ljust(width) if i < left else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))]  # noqa: B905
        for line in lines
    )
    return "\n".join("  ".join(line).rstrip() for line in cells) + "\n"


def as_csv(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def as_json(value) -> str:
    """JSON that every reader takes: NaN and infinity become null."""
    return json.dumps(_plain(value), indent=1, ensure_ascii=False) + "\n"


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings as one level: {"recipe": {"epochs": 3}} -> {"epochs": 3}."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value) if isinstance(value, Mapping) else {name: value}
    return found


def unit_of(metric: str, unit: str) -> str:
    """A metric's unit in brackets, after a space; empty for numbers without one."""
    if unit in ("", "1") or metric not in POWERS:
        return ""
    return f" ({unit})" if POWERS[metric] == 1 else f" (({unit})^2)" if "/" in unit else f" ({unit}^2)"


def choices(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: `; there are: batch, epochs; did you mean 'batch'?`"""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, 1)
    return f"; there are: {', '.join(known)}{f'; did you mean {close[0]!r}?' if close else ''}"
