"""The losses by epoch as small multiples: a line of panels for each phase of the fit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from worker.pictures.style import FAINT, INK, LINE, SERIES, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
PANEL_WIDTH, PANEL_HEIGHT = 310, 190
HEADING, GAP, RISE, MARGIN = 66, 52, 66, 62
LOG_FROM = 20.0
"""A positive series whose largest value is so many times its smallest gets a logarithmic axis."""
WIDE = 200.0
"""From so wide a range on, a logarithmic axis names powers of ten alone."""
FEW = 30
"""A series of at most so many epochs shows each as a dot."""
STEPS = {"solving": "iterations"}
"""What the steps of a phase are, if not epochs."""
PLACES = frozenset({"phase", "epoch", "epochs", "member"})
TITLES = {
    "loss": "total loss",
    "L0": r"$L_0$  reconstruction",
    "L1": r"$L_1$  size of $C$",
    "L2": r"$L_2$  self-expression",
    "L3": r"$L_3$  $\|C\|_Q$",
    "L4": r"$L_4$  head",
    "L5": r"$L_5$  residual of the fakes",
    "D": r"$D$  discriminator",
    "D_real": r"$D$  residual of the images",
    "D_fake": r"$D$  fakes within the margin",
    "D_overlap": r"$D$  overlap of the bases",
    "D_orthonormality": r"$D$  orthonormality",
    "C_l1": r"$\|C\|_1$",
    "C_Q_share": r"$\|C\|_Q\,/\,\|C\|_1$",
}

Rows = Sequence[Mapping[str, Any]]


class Series(NamedTuple):
    key: str
    epochs: list[float]
    values: list[float]


def curves(rows: Rows, path: Path | str) -> None:
    """Write a PNG of every number in the metrics over the epochs of its phase.

    Args:
        rows: one mapping per epoch: ``phase``, ``epoch`` and numbers under any names; a value that
            is not a finite number is left out; of an ensemble's, the last member's are shown; a
            phase of one step has no curve.
        path: the file; 1440 pixels wide.
    """
    rows = [row for row in rows if row.get("member") == rows[-1].get("member")]
    phases = {phase: _series([r for r in rows if r["phase"] == phase]) for phase in _phases(rows)}
    phases = {phase: series for phase, series in phases.items() if series}
    lines = [ceil(len(series) / COLUMNS) for series in phases.values()]
    width = 2 * MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * GAP
    height = 40 + sum(HEADING + n * (PANEL_HEIGHT + RISE) for n in lines) if lines else 160
    page = figure(width, height)
    top = 20
    for colour, (phase, series) in enumerate(phases.items()):
        count = f"{int(series[0].epochs[-1])} {STEPS.get(phase, 'epochs')}"
        title = f"{phase.replace('_', ' ').capitalize()}, {count}"
        page.text(MARGIN / width, 1 - (top + 26) / height, title, size=15, weight="bold", color=INK)
        for place, one in enumerate(series):
            left = MARGIN + place % COLUMNS * (PANEL_WIDTH + GAP)
            below = top + HEADING + place // COLUMNS * (PANEL_HEIGHT + RISE) + PANEL_HEIGHT
            box = left / width, 1 - below / height, PANEL_WIDTH / width, PANEL_HEIGHT / height
            _panel(page.add_axes(box), one, SERIES[colour % len(SERIES)])
        top += HEADING + lines[colour] * (PANEL_HEIGHT + RISE)
    if not phases:
        said = "There is no curve: this method has no epochs."
        page.text(0.5, 0.5, said, ha="center", size=14, color=FAINT)
    page.savefig(path)


def _phases(rows: Rows) -> list[str]:
    """Those of more than one step, in their order."""
    counts = Counter(row["phase"] for row in rows)
    return [phase for phase, count in counts.items() if count > 1]


def _series(rows: Rows) -> list[Series]:
    """The numbers of one phase, in the order in which their names came up."""
    found: dict[str, Series] = {}
    for row in rows:
        for key, value in row.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if key not in PLACES and number and isfinite(value):
                series = found.setdefault(key, Series(key, [], []))
                series.epochs.append(row["epoch"])
                series.values.append(value)
    return list(found.values())


def _panel(axes: "Axes", series: Series, colour: str) -> None:
    from matplotlib.ticker import (  # noqa: PLC0415 - heavy
        LogLocator,
        MaxNLocator,
        NullLocator,
        StrMethodFormatter,
    )

    title = TITLES.get(series.key, series.key.replace("_", " "))
    low, high = min(series.values), max(series.values)
    marker = "o" if len(series.values) <= FEW else ""
    axes.plot(series.epochs, series.values, color=colour, linewidth=1.8, marker=marker, ms=3.5)
    if low > 0 and high / low >= LOG_FROM:
        axes.set_yscale("log")
        steps = (1, 2, 5) if high / low < WIDE else (1,)
        axes.yaxis.set_major_locator(LogLocator(subs=steps))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=8)
    last = f"{series.values[-1]:.4g}"
    axes.set_title(last, loc="right", fontsize=11, color=colour, pad=8, weight="bold")
    axes.grid(visible=True, color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(labelsize=9, labelcolor=FAINT, color=LINE, which="both")
