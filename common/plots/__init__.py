"""Figures of all four papers in one style: parity, learning curve, error histogram, heat map, bars, scatter.

Each function draws one file, PNG or SVG by its ending, atomically. Figures are made without pyplot, so they do not
depend on a window system, on global state, or on the user's matplotlib settings.
"""

from common.plots.charts import bars, error_histogram, heat_map, parity, parity_side_by_side, scatter
from common.plots.learning import learning_curve, learning_curves, read_history
from common.plots.style import AMBER, BLUE, INK, PALE, RED, drawing, log_axis, panels, with_unit

__all__ = [
    "AMBER",
    "BLUE",
    "INK",
    "PALE",
    "RED",
    "bars",
    "drawing",
    "error_histogram",
    "heat_map",
    "learning_curve",
    "learning_curves",
    "log_axis",
    "panels",
    "parity",
    "parity_side_by_side",
    "read_history",
    "scatter",
    "with_unit",
]
