"""Results of benchmarks, and the Markdown file with the last result of every topic."""

from __future__ import annotations

import os
import platform
import re
import time
from dataclasses import dataclass
from pathlib import Path

from common.io.files import write_text
from common.train.devices import processor

RESULTS = Path(__file__).with_name("results.md")
TITLE = "# Benchmarks\n\nThe last result of each topic; `make bench` repeats them.\n"


@dataclass(frozen=True)
class Line:
    """One measured quantity with its target, such as '>= 25' or '< 0.5', and the reference and conditions."""

    quantity: str
    value: float
    unit: str
    target: str
    reference: str

    @property
    def met(self) -> bool:
        sign, limit = self.target.split()
        return {
            ">=": self.value >= float(limit),
            "<=": self.value <= float(limit),
            "<": self.value < float(limit),
        }[sign]

    def cells(self) -> list[str]:
        measured = f"{self.value:.3g} {self.unit}".strip()
        wanted = f"{self.target} {self.unit}".strip()
        return [self.quantity, measured, wanted, "yes" if self.met else "**no**", self.reference]


def section(topic: str, lines: list[Line], notes: list[str], load: float) -> str:
    """One topic as Markdown, with the machine and its load."""
    header = ["quantity", "measured", "target", "met", "reference and conditions"]
    rows = [header, ["---"] * len(header), *(line.cells() for line in lines)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    machine = (
        f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; load average "
        f"{load:.1f} before and {os.getloadavg()[0]:.1f} after; {time.strftime('%Y-%m-%d')}"
    )
    return "\n\n".join([f"## {topic}", table, *notes, machine]) + "\n"


def store(topic: str, text: str, path: Path = RESULTS) -> None:
    """Replace the section of `topic` in the file; other topics are unchanged."""
    stored = path.read_text() if path.exists() else ""
    sections = {block.split("\n", 1)[0].removeprefix("## "): block for block in re.split(r"(?m)^(?=## )", stored)[1:]}
    sections[topic] = text
    write_text(path, TITLE + "\n" + "\n".join(block.rstrip() + "\n" for block in sections.values()))
