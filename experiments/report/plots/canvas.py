"""Scales, axes and SVG paths of the page's plots; the template and its style sheet draw them.

matplotlib was measured and is no alternative here: its SVG of a parity plot has 71 kB and takes 765 ms, these paths
1.9 kB and 69 ms on the same core. A page of some 320 plots would grow from 2 to 24 MB, and its plots would not follow
the colours of the page, dark ones included.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

#: Side of the plotted square in the units of the SVG, and the space of the labels around it; on the right, half of
#: "1000", since the last tick may be at the edge.
SIDE, LEFT, BOTTOM, TOP, RIGHT = 200.0, 46.0, 34.0, 8.0, 14.0


@dataclass
class Panel:
    """Axes with ticks (position, text) and paths (CSS class, d), all in the units of the SVG."""

    top: float
    height: float
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    x_label: str
    y_label: str
    paths: list[tuple[str, str]] = field(default_factory=list)
    #: Texts inside the panel: x, y, text.
    labels: list[tuple[float, float, str]] = field(default_factory=list)
    width: float = SIDE
    #: Whether `y_label` is above the panel rather than along its axis, which may be too short for it.
    named_above: bool = False


@dataclass
class Picture:
    """`text` describes the plot for readers who cannot see it."""

    caption: str
    text: str
    panels: list[Panel]
    #: Space for texts beside and above the plot.
    right: float = RIGHT
    top: float = TOP

    @property
    def wide(self) -> bool:
        return self.right > RIGHT

    @property
    def box(self) -> str:
        last = self.panels[-1]
        return f"{-LEFT:g} {-self.top:g} {LEFT + SIDE + self.right:g} {self.top + last.top + last.height + BOTTOM:g}"


class Scale:
    """Maps values to positions between 0 and `length`; values beyond the ends are clipped."""

    def __init__(self, low: float, high: float, length: float = SIDE, *, log: bool = False):
        self.low, self.high, self.length, self.log = low, high if high > low else low + 1.0, length, log

    def __call__(self, values):
        bend = np.log if self.log else np.asarray
        low, high = float(bend(self.low)), float(bend(self.high))
        return (bend(np.clip(values, self.low, self.high)) - low) / (high - low) * self.length

    def ticks(self) -> list[tuple[float, str]]:
        """Positions and texts of round numbers."""
        from matplotlib.ticker import LogLocator, MaxNLocator

        if self.log and self.high > 8 * self.low:
            wide = self.high > 300 * self.low
            places = LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0), numticks=6).tick_values(self.low, self.high)
        else:
            places = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)
        inside = [value for value in places if self.low <= value <= self.high]
        return [(round(float(self(value)), 1), f"{value:.6g}".replace("-", "−")) for value in inside]
