"""Feature vectors in an array: N x D, kept as they are, each as one pixel of D channels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.ingest.errors import BadShape, UnreadableArray
from app.ingest.naming import quoted
from jobs.records import COLOURS

DIMENSIONS = 2
SHORTEST = COLOURS + 1
LARGEST = 1e12
"""In size; sums over N x D squares of such numbers are far from the end of float32."""


def rows_of(shape: tuple[int, ...], where: str) -> tuple[int, int]:
    """N and D. Raises BadShape."""
    size = " x ".join(map(str, shape)) or "a single number"
    if len(shape) != DIMENSIONS:
        raise BadShape(
            f"{where} is {size}: feature vectors are N x D, a row for each image. "
            "Without kind=features, N x H x W and N x H x W x 3 are read as images."
        )
    if shape[1] < SHORTEST:
        raise BadShape(
            f"{where} is {size}: a feature vector has at least {SHORTEST} numbers. "
            "Fill up with columns of zeros, which change no distance."
        )
    return shape[0], shape[1]


def check_vectors(block: NDArray[Any], names: Sequence[str], start: int) -> None:
    """Whether methods can compute with vectors (B, 1, 1, D), the first of which is ``start``.

    Raises:
        UnreadableArray: naming row and column of the first number that will not do.
    """
    values = block.reshape(len(block), -1).astype(np.float64)
    good = np.abs(values) <= LARGEST
    if not good.all():
        row, column = np.argwhere(~good)[0]
        value = values[row, column]
        remedy = f"at most {LARGEST:g} in size, so scale them" if np.isfinite(value) else "finite"
        raise UnreadableArray(
            f"Row {start + row} ({quoted(names[row])}), column {column} is {value:g}: "
            f"features must be {remedy}."
        )
