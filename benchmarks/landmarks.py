"""Landmarks: what they cost as N grows, and how near their clusters are to those of a whole fit."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

from benchmarks import sets
from benchmarks.records import Record
from benchmarks.summary import NOT_RUN, origin, percent
from benchmarks.synthetic import MAKERS
from benchmarks.tables import grid
from models.alignment import contingency
from models.base import Clustering, FloatArray, IntArray
from worker.pictures.style import FAINT, INK, LINE, SERIES, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES = (2000, 6000, 20_000, 60_000, 70_000)
LANDMARKS = 2000
WIDTH, HEIGHT = 1200, 520
GIB = 1024**3


class Quiet:
    """Implements ``models.base.Run``: it keeps when the landmarks were done."""

    seed = 0

    def __init__(self, device: str) -> None:
        self.device = device
        self.fitted: float | None = None

    def report(self, phase: str, *_: Any, **__: Any) -> None:
        if phase == "assigning" and self.fitted is None:
            self.fitted = perf_counter()

    def resume(self) -> None:
        return None


class Fitted(NamedTuple):
    found: Clustering
    seconds: float
    assigning: float


def growth(kind: str, device: str, threads: int) -> Record:
    """Fits with ``LANDMARKS`` of ever more images, each in a process of its own."""
    from benchmarks.machine import provenance  # noqa: PLC0415 - tables need no torch

    rows = []
    for size in SIZES:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            rows.append(pool.submit(_grown, kind, size, device, threads).result())
        print(rows[-1], flush=True)
    return {"landmarks": kind, "growth": rows} | provenance(device)


def _grown(kind: str, size: int, device: str, threads: int) -> dict[str, Any]:
    import torch  # noqa: PLC0415 - tables need no torch

    from benchmarks.machine import peak_bytes  # noqa: PLC0415 - as above

    torch.set_num_threads(threads)
    drawn = MAKERS[kind](size)
    fitted = fit(drawn.images, int(drawn.truth.max()) + 1, device, LANDMARKS)
    return {
        "n_images": size,
        "seconds": fitted.seconds,
        "assigning": fitted.assigning,
        "peak_bytes": peak_bytes(),
        "errors": errors(drawn.truth, fitted.found),
    }


def fit(images: FloatArray, n: int, device: str, landmarks: int) -> Fitted:
    """S2ConvSCN, ``auto``, on so many landmarks."""
    from models import landmarks as scheme  # noqa: PLC0415 - tables need no torch
    from models.methods.s2convscn import S2ConvSCN  # noqa: PLC0415 - as above

    run, began = Quiet(device), perf_counter()
    found = scheme.fit(lambda x: S2ConvSCN().fit(x, n, run), images, n, run, landmarks)
    ended = perf_counter()
    return Fitted(found, ended - began, ended - (run.fitted or ended))


def errors(truth: IntArray, found: Clustering) -> dict[str, float | None]:
    """Of the landmarks, of the rest, of the rest by the head; clusters matched by all images."""
    n = int(truth.max()) + 1
    own = np.arange(len(truth)) if found.landmarks is None else found.landmarks.indices
    rest = np.setdiff1d(np.arange(len(truth)), own)
    _, matched = linear_sum_assignment(-contingency(found.labels, truth, n))
    wrong = matched[found.labels] != truth
    by_head = matched[found.labelings["head"]] != truth
    return {
        "landmarks": float(wrong[own].mean()),
        "rest": float(wrong[rest].mean()) if len(rest) else None,
        "head": float(by_head[rest].mean()) if len(rest) else None,
    }


def overlap(found: sets.ImageSet, device: str) -> Record:
    """A fit to all images of a set beside one with half of them as landmarks."""
    from benchmarks.machine import provenance  # noqa: PLC0415 - tables need no torch

    n = found.n_classes
    whole = fit(found.images, n, device, len(found.images))
    part = fit(found.images, n, device, len(found.images) // 2)
    return {
        "landmarks": found.name,
        "overlap": {
            "n_images": len(found.images),
            "whole": errors(found.truth, whole.found)["landmarks"],
            "part": errors(found.truth, part.found),
            "agreement": float(adjusted_rand_score(whole.found.labels, part.found.labels)),
            "seconds": [whole.seconds, part.seconds],
        },
    } | provenance(device)


def growth_table(records: Sequence[Record]) -> str:
    """A line for each size and kind of images."""
    found = [record for record in records if "growth" in record]
    if not found:
        return NOT_RUN
    header = (
        "images",
        "N",
        "seconds",
        "of these for the rest",
        "peak memory, GiB",
        "error of the landmarks",
        "of the rest",
        "of the rest by the head",
    )
    lines = [_growth_line(r["landmarks"], row) for r in found for row in r["growth"]]
    return f"{grid(header, lines)}\n\n{origin(found)}"


def _growth_line(kind: str, row: dict[str, Any]) -> list[str]:
    wrong = row["errors"]
    return [
        kind,
        f"{row['n_images']:,}",
        f"{row['seconds']:.0f}",
        f"{row['assigning']:.1f}",
        f"{row['peak_bytes'] / GIB:.1f}",
        *(_share(wrong[name]) for name in ("landmarks", "rest", "head")),
    ]


def overlap_table(records: Sequence[Record]) -> str:
    """A line for each set."""
    found = [record for record in records if "overlap" in record]
    if not found:
        return NOT_RUN
    header = (
        "set",
        "N",
        "error of a fit to all",
        "with half of them as landmarks: of the landmarks",
        "of the rest",
        "of the rest by the head",
        "agreement of both fits (ARI)",
        "seconds",
    )
    order = list(sets.SETS)
    ordered = sorted(found, key=lambda record: order.index(record["landmarks"]))
    return f"{grid(header, map(_overlap_line, ordered))}\n\n{origin(ordered)}"


def _overlap_line(record: Record) -> list[str]:
    row = record["overlap"]
    return [
        sets.SETS[record["landmarks"]].title,
        str(row["n_images"]),
        percent(row["whole"]),
        *(_share(row["part"][name]) for name in ("landmarks", "rest", "head")),
        f"{row['agreement']:.3f}",
        " / ".join(f"{seconds:.0f}" for seconds in row["seconds"]),
    ]


def _share(error: float | None) -> str:
    return "" if error is None else percent(error)


def draw(records: Sequence[Record], path: Path) -> None:
    """Write a PNG of seconds and memory over N, 1200 x 520 pixels."""
    page = figure(WIDTH, HEIGHT)
    title = f"S2ConvSCN with {LANDMARKS:,} landmarks as N grows"
    page.text(0.06, 0.92, title, size=17, weight="bold", color=INK)
    found = [record for record in records if "growth" in record]
    machine = found[0]["machine"]
    said = f"{machine['processor']}, {machine['threads']} threads; dashed: an N x N matrix alone"
    page.text(0.06, 0.87, said, size=11.5, color=FAINT)
    time, memory = (page.add_axes((left, 0.14, 0.4, 0.62)) for left in (0.07, 0.56))
    for record, colour in zip(found, SERIES, strict=False):
        rows = record["growth"]
        sizes = [row["n_images"] for row in rows]
        style = {"color": colour, "marker": "o", "linewidth": 2, "label": record["landmarks"]}
        time.plot(sizes, [row["seconds"] / 60 for row in rows], **style)
        memory.plot(sizes, [row["peak_bytes"] / GIB for row in rows], **style)
    _finish(time, "Minutes, training and assigning")
    squares = np.linspace(2000, 70_000, 100)
    memory.plot(squares, 4 * squares**2 / GIB, color=FAINT, linestyle="--", linewidth=1.5)
    _finish(memory, "Peak memory of the process, GiB")
    time.legend(frameon=False, labelcolor=INK, fontsize=11)
    page.savefig(path)


def _finish(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontsize=13, color=INK)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("images", fontsize=11, color=FAINT)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.tick_params(labelsize=10, color=LINE, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.grid(visible=True, color=LINE, linewidth=0.6)
