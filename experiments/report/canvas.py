"""What the page's pictures are made of: scales, axes, paths of an SVG, which the template dresses.

Made here rather than by `common.plots`, since a page holds a hundred of them: a path is a tenth of matplotlib's SVG,
takes the page's colours, dark ones too, and is drawn in a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

#: Side of the plotted square in the units of the SVG, and what the labels take around it; to the right, half of "1000"
#: where the last tick is the edge.
SIDE, LEFT, BOTTOM, TOP, RIGHT = 200.0, 46.0, 34.0, 8.0, 14.0


@dataclass
class Panel:
    """Axes with ticks (place, text) and paths (class, d), all in the units of the SVG."""

    top: float
    height: float
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    x_label: str
    y_label: str
    paths: list[tuple[str, str]] = field(default_factory=list)
    #: Texts inside: x, y, text.
    labels: list[tuple[float, float, str]] = field(default_factory=list)
    width: float = SIDE
    #: Whether `y_label` stands above the panel rather than along its axis, which may be shorter than the words.
    named_above: bool = False


@dataclass
class Picture:
    """`text` says in words what is to be seen."""

    caption: str
    text: str
    panels: list[Panel]
    #: Room for texts beside and above the plot.
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
    """From values to places between 0 and `length`; what lies beyond the ends is put there."""

    def __init__(self, low: float, high: float, length: float = SIDE, *, log: bool = False):
        self.low, self.high, self.length, self.log = low, high if high > low else low + 1.0, length, log

    def __call__(self, values):
        bend = np.log if self.log else np.asarray
        low, high = float(bend(self.low)), float(bend(self.high))
        return (bend(np.clip(values, self.low, self.high)) - low) / (high - low) * self.length

    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts of round numbers."""
        from matplotlib.ticker import LogLocator, MaxNLocator

        if self.log and self.high > 8 * self.low:
            wide = self.high > 300 * self.low
            places = LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0), numticks=6).tick_values(self.low, self.high)
        else:
            places = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)
        inside = [value for value in places if self.low <= value <= self.high]
        return [(round(float(self(value)), 1), f"{value:.6g}".replace("-", "−")) for value in inside]
