"""Fig. 2 of the paper: costs, norms of C and the error while S2ConvSCN trains."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.methods import TITLES
from benchmarks.records import Record
from benchmarks.sets import SETS
from worker.pictures.style import FAINT, INK, LINE, SERIES, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
WIDTH, HEIGHT = 1560, 720
LEFT, RIGHT, ABOVE, BELOW = 74, 34, 124, 62
GAP, RISE = 76, 86
LOG_FROM = 4.0
"""A series whose largest value is so many times its smallest gets a logarithmic axis."""
WIDE = 100.0
"""From so wide a range on, a logarithmic axis names powers of ten alone."""
FEW = 60
"""A series of at most so many rounds shows each as a dot."""
RAISED = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)
COSTS, NORMS, ERROR = SERIES[1], SERIES[0], SERIES[3]


class Panel(NamedTuple):
    title: str
    colour: str
    epochs: list[float]
    values: list[float]
    dots: bool = False


def figure2(record: Record, path: Path) -> None:
    """Write a PNG of a run's stage II, 1560 x 720 pixels.

    Raises:
        ValueError: if the run had no stage II.
    """
    if "training" not in record.get("history", {}):
        raise ValueError("This run recorded no stage II: it has nothing to draw.")
    page = figure(WIDTH, HEIGHT)
    where = SETS[record["set"]].title
    title = f"{TITLES[record['method']]} on {where}, n = {record['n_clusters']}"
    page.text(LEFT / WIDTH, 1 - 40 / HEIGHT, title, size=17, weight="bold", color=INK)
    page.text(LEFT / WIDTH, 1 - 64 / HEIGHT, _subtitle(record), size=11.5, color=FAINT)
    width = (WIDTH - LEFT - RIGHT - (COLUMNS - 1) * GAP) / COLUMNS
    height = (HEIGHT - ABOVE - BELOW - RISE) / 2
    drawn = panels(record["history"]["training"])
    last = max(int(panel.epochs[-1]) for panel in drawn if panel.epochs)
    for place, panel in enumerate(drawn):
        line, column = divmod(place, COLUMNS)
        left, bottom = LEFT + column * (width + GAP), BELOW + (1 - line) * (height + RISE)
        box = left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT
        _draw(page.add_axes(box), panel, last, label=line == 1)
    page.savefig(path)


def panels(history: dict[str, Any]) -> list[Panel]:
    """The eight curves of a phase; a curve that was not recorded is left empty."""
    epochs, rounds = history["epochs"], history.get("rounds", {})

    def every(title: str, key: str, colour: str) -> Panel:
        values = epochs.get(key, [])
        pairs = [(float(i), v) for i, v in enumerate(values, start=1) if v is not None]
        return Panel(title, colour, [x for x, _ in pairs], [y for _, y in pairs])

    error = [100 * value for value in rounds.get("error", [])]
    return [
        every(r"$L$  total cost", "loss", COSTS),
        every(r"$L_0$  reconstruction", "L0", COSTS),
        every(r"$L_2$  self-expression", "L2", COSTS),
        every(r"$L_4$  head", "L4", COSTS),
        every(r"$\|C\|_1$", "C_l1", NORMS),
        every(r"$\|C\|_Q$", "L3", NORMS),
        every(r"$\|C\|_Q\,/\,\|C\|_1$", "C_Q_share", NORMS),
        Panel("clustering error, %", ERROR, rounds.get("epoch", []), error, dots=True),
    ]


def _subtitle(record: Record) -> str:
    trial = "" if record["protocol"] == "whole" else f"{record['protocol'].split('/')[-1]}, "
    return (
        f"{trial}settings: {record['league']}, seed {record['seed']}; stage II by epoch; the error "
        "of each round's partition was counted afterwards"
    )


def _draw(axes: "Axes", panel: Panel, last_epoch: int, *, label: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415 - heavy

    marker = "o" if panel.dots and len(panel.values) <= FEW else ""
    axes.plot(
        panel.epochs, panel.values, color=panel.colour, linewidth=1.9, marker=marker, markersize=3.6
    )
    axes.margins(y=0.1)
    axes.set_xlim(0, last_epoch * 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    _scale(axes, panel.values)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))
    axes.set_title(panel.title, loc="left", fontsize=12, color=INK, pad=9)
    last = _number(panel.values[-1]) if panel.values else "not recorded"
    axes.set_title(last, loc="right", fontsize=11.5, color=panel.colour, pad=9, weight="bold")
    if label:
        axes.set_xlabel("epoch", fontsize=10.5, color=FAINT, labelpad=6)
    axes.grid(visible=True, color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(labelsize=9.5, labelcolor=FAINT, color=LINE, which="both")


def _scale(axes: "Axes", values: list[float]) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator  # noqa: PLC0415 - heavy

    low, high = min(values, default=0), max(values, default=0)
    if low > 0 and high / low >= LOG_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < WIDE else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(6))


def _number(value: float) -> str:
    """Four significant digits; very large and very small ones with a power of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{float(f'{value:.4g}'):,g}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{float(mantissa):g}\u00d710{str(int(exponent)).translate(RAISED)}"
