"""Colours shared by the pictures, and a matplotlib figure that belongs to no global state."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER, INK, FAINT, LINE = "#ffffff", "#1d2433", "#7a8294", "#e4e7ee"
SURE, DOUBT = "#2a9d8f", "#f08a24"
SERIES = (SURE, "#3d5a98", DOUBT, "#a23b72", "#6b8e23")
DPI = 100


def figure(width: float, height: float) -> "Figure":
    """An empty figure of so many pixels, drawn by Agg."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy
    from matplotlib.figure import Figure  # noqa: PLC0415 - heavy

    empty = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(empty)
    return empty
