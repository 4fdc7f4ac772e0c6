"""The map of the images, coloured by cluster."""

from colorsys import hls_to_rgb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker.pictures.style import FAINT, INK, LINE, PAPER, figure

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

SIDE, MARGIN, ABOVE = 1000, 40, 84
GOLDEN = 0.61803398875
LIGHTNESS = (0.42, 0.58, 0.5)
MOST_NUMBERS = 60
"""Of clusters, whose numbers are written beside them."""


def colours(n: int) -> list[tuple[float, float, float]]:
    """So many colours; those of neighbouring numbers are far apart."""
    return [
        hls_to_rgb((0.46 + k * GOLDEN) % 1.0, LIGHTNESS[k % len(LIGHTNESS)], 0.62) for k in range(n)
    ]


def scatter(points: FloatArray, labels: IntArray, confidence: FloatArray, path: Path | str) -> None:
    """Write a PNG of a map (N, 2) within [-1, 1]; unsure images (N,) are paler."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - heavy

    width, height = SIDE + 2 * MARGIN, SIDE + ABOVE + MARGIN
    page = figure(width, height)
    axes = page.add_axes((MARGIN / width, MARGIN / height, SIDE / width, SIDE / height))
    palette = np.array(colours(int(labels.max()) + 1))
    shades = np.column_stack([palette[labels], 0.25 + 0.75 * np.clip(confidence, 0, 1)])
    size = float(np.clip(60_000 / len(points), 6, 60))
    axes.scatter(points[:, 0], points[:, 1], s=size, c=shades, linewidths=0)
    names = np.unique(labels)
    for name in names if len(names) <= MOST_NUMBERS else ():
        x, y = np.median(points[labels == name], axis=0)
        place = axes.annotate(str(name), (x, y), xytext=(0, 7), textcoords="offset points")
        place.set(ha="center", size=11, weight="bold", color=INK)
        place.set_path_effects([withStroke(linewidth=3, foreground=PAPER)])
    axes.set(xlim=(-1.04, 1.04), ylim=(-1.04, 1.04), xticks=[], yticks=[])
    axes.spines[:].set_color(LINE)
    title = f"Map of {len(points):,} images, coloured by cluster"
    page.text(MARGIN / width, 1 - 44 / height, title, size=16, weight="bold", color=INK)
    said = "Near points look alike to the method (t-SNE); distances between islands mean nothing."
    page.text(MARGIN / width, 1 - 70 / height, said, size=11, color=FAINT)
    page.savefig(path)
