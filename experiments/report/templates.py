"""The Jinja templates of the HTML page and of its pictures."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from experiments.declare import plan
from experiments.report.document import kind

#: The ends of the axis of ratios; what lies beyond is drawn at its end.
RATIOS = (0.5, 2.0)


def fill(name: str, **values: Any) -> str:
    """A template of the folder `template`, filled with values; a missing value is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose, "slug": anchor, "kind": kind, "across": across}
    return environment.get_template(name).render(**values)


def anchor(text: str) -> str:
    return plan.slug(text).lower()


def prose(text: str) -> Any:
    """Escaped text with `code` set as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def across(ratio: float) -> float:
    """Position of a ratio on the logarithmic axis, in per cent of its width."""
    low, high = (math.log(end) for end in RATIOS)
    return round(100 * min(max((math.log(ratio) - low) / (high - low), 0), 1), 2)
