"""The spectrum: the Laplacian's eigenvalues, and how two self-expressions agree over n."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.pictures.style import DOUBT, FAINT, INK, LINE, SERIES, SURE, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 1200, 470
MARKER = 3.5


def spectrum(found: Mapping[str, Any], path: Path | str) -> None:
    """Write a PNG of a job's spectrum, as ``spectrum.json`` has it."""
    page = figure(WIDTH, HEIGHT)
    left, right = page.add_axes((0.06, 0.14, 0.4, 0.66)), page.add_axes((0.56, 0.14, 0.4, 0.66))
    n, asked = found["n_clusters"], found["asked"]
    _title(left, "Eigenvalues of the normalised Laplacian", f"n = {n}")
    values = found["eigenvalues"]
    if values:
        places = range(1, len(values) + 1)
        left.plot(places, values, color=SERIES[1], marker="o", ms=MARKER, linewidth=1.2)
        left.axvline(n + 0.5, color=DOUBT, linewidth=1.4)
        left.set_xlabel("place; the line stands between the n-th and the next", fontsize=10)
    else:
        left.text(0.5, 0.5, "The method has no affinity.", ha="center", color=FAINT)
    survey = found["choice"] or found["survey"]
    counts = survey["counts"]
    _title(right, "Agreement of two self-expressions", f"most support: {survey['suggested']}")
    xs = [count["n_clusters"] for count in counts]
    most = max(count["support"] for count in counts) or 1.0
    agreement = [count["agreement"] for count in counts]
    support = [count["support"] / most for count in counts]
    right.plot(xs, agreement, color=SURE, marker="o", ms=MARKER, label="adjusted Rand index")
    right.plot(xs, support, color=FAINT, linewidth=1.2, linestyle="--", label="support, relative")
    right.axvline(n, color=DOUBT, linewidth=1.4)
    if len(xs) > 1 and xs[-1] > 4 * xs[0]:
        right.set_xscale("log")
        ticks = [x for x in (2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150) if x <= xs[-1]]
        right.set_xticks(ticks, [str(x) for x in ticks])
        right.minorticks_off()
    right.set_ylim(-0.02, 1.05)
    right.set_xlabel("number of clusters n; the line is this job's", fontsize=10)
    right.legend(frameon=False, fontsize=10, labelcolor=INK, loc="lower right")
    said = "n was chosen by the most support" if asked == "auto" else "n was asked for"
    page.text(0.06, 0.94, f"How many clusters? A hint: {said}.", size=15, weight="bold", color=INK)
    page.savefig(path)


def _title(axes: "Axes", title: str, said: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=10)
    axes.set_title(said, loc="right", fontsize=11, color=DOUBT, pad=10, weight="bold")
    axes.grid(visible=True, color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(labelsize=9, labelcolor=FAINT, color=LINE)
    axes.xaxis.label.set_color(FAINT)
