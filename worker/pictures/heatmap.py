"""The affinity as a heat map: a good clustering shows as bright squares along the diagonal."""

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.scores import confidence
from worker.pictures.style import FAINT, INK, LINE, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

MOST_BLOCKS = 1200
LEAST_PIXELS = 600
LEFT, RIGHT, ABOVE, BELOW = 84, 150, 76, 70
"""Pixels around the map."""
BRIGHTEST = 0.99
"""The quantile of blocks that gets the last colour: a few strong pairs must not dim the rest."""
MOST_NUMBERS = 40


def affinity_map(affinity: FloatArray, labels: IntArray, path: Path | str) -> None:
    """Write a PNG of an affinity whose rows are ordered by cluster, in each the surest first.

    Args:
        affinity: (N, N), symmetric, not negative; the diagonal is left out.
        labels: (N,) clusters.
        path: the file. Each pixel shows the mean of a block of images, of which there are at most
            1200 x 1200.
    """
    order = np.lexsort((-confidence(affinity, labels), labels))
    blocks = _block_means(affinity, order)
    side = len(blocks) * max(1, ceil(LEAST_PIXELS / len(blocks)))
    width, height = LEFT + side + RIGHT, ABOVE + side + BELOW
    page = figure(width, height)
    axes = page.add_axes((LEFT / width, BELOW / height, side / width, side / height))
    bar = page.add_axes(((LEFT + side + 26) / width, BELOW / height, 18 / width, side / height))
    image = _draw(axes, blocks, len(labels))
    _mark_clusters(axes, labels[order])
    page.colorbar(image, cax=bar, extend="max").outline.set_visible(False)
    bar.tick_params(labelsize=10, color=LINE, labelcolor=INK)
    bar.set_ylabel("affinity (square-root scale)", fontsize=11, color=FAINT)
    title = f"Affinity of {len(labels):,} images, ordered by cluster"
    page.text(LEFT / width, 1 - 50 / height, title, size=16, weight="bold", color=INK)
    page.savefig(path)


def _block_means(affinity: FloatArray, order: IntArray) -> FloatArray:
    """Means over blocks of images in the order given: (m, m) with m at most MOST_BLOCKS."""
    N = len(affinity)
    starts = np.arange(0, N, ceil(N / MOST_BLOCKS))
    counts = np.diff(np.append(starts, N))
    blocks = np.empty((len(starts), len(starts)), dtype=np.float32)
    for block, (start, count) in enumerate(zip(starts, counts, strict=True)):
        members = order[start : start + count]
        rows = affinity[members]  # (count, N)
        rows[np.arange(count), members] = 0
        blocks[block] = np.add.reduceat(rows.sum(axis=0)[order], starts)
    blocks /= np.outer(counts, counts)
    return blocks


def _draw(axes: "Axes", blocks: FloatArray, N: int) -> "AxesImage":
    from matplotlib.colors import PowerNorm  # noqa: PLC0415 - heavy

    positive = blocks[blocks > 0]
    top = float(np.quantile(positive, BRIGHTEST)) if len(positive) else 1.0
    return axes.imshow(
        blocks,
        cmap="magma",
        norm=PowerNorm(0.5, vmin=0, vmax=top),
        interpolation="nearest",
        extent=(0, N, N, 0),
    )


def _mark_clusters(axes: "Axes", ordered: IntArray) -> None:
    """Fine lines between clusters, and their numbers where there is room."""
    clusters, starts, sizes = np.unique(ordered, return_index=True, return_counts=True)
    for start in starts[1:]:
        axes.axhline(start, color="white", linewidth=0.7, alpha=0.3)
        axes.axvline(start, color="white", linewidth=0.7, alpha=0.3)
    middles = starts + sizes / 2
    shown = [0]
    for i in range(1, len(clusters)):
        if middles[i] - middles[shown[-1]] >= len(ordered) / MOST_NUMBERS:
            shown.append(i)
    names = [str(clusters[i]) for i in shown]
    axes.set_xticks(middles[shown], names)
    axes.set_yticks(middles[shown], names)
    axes.tick_params(length=0, labelsize=10, labelcolor=INK)
    axes.set_xlabel("cluster", fontsize=11, color=FAINT)
    axes.set_ylabel("cluster", fontsize=11, color=FAINT)
    axes.spines[:].set_visible(False)
