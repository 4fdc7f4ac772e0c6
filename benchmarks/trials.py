"""Which classes of a set are clustered: all, the blocks of Yale B's protocol, or a range."""

from typing import NamedTuple

import numpy as np

from benchmarks.sets import ImageSet
from models.base import FloatArray, IntArray

ORDER_SEED = 0


class Trial(NamedTuple):
    """A clustering problem drawn from a set.

    Attributes:
        name: a relative path, such as ``whole`` or ``n10/block-01``.
        classes: which are clustered.
        pretrained_on: whose images stage I sees.
    """

    name: str
    classes: range
    pretrained_on: range

    @property
    def n_clusters(self) -> int:
        return len(self.classes)


class Problem(NamedTuple):
    """``images`` (N, 1, H, W) shuffled; image i is number ``order[i]`` among its classes' images.

    ``truth`` (N,) belongs to them; it scores finished fits and is passed to nothing else.
    """

    images: FloatArray
    truth: IntArray
    order: IntArray


def whole(n_classes: int) -> Trial:
    return Trial("whole", range(n_classes), range(n_classes))


def blocks(n: int, n_classes: int) -> list[Trial]:
    """Every block of n consecutive classes, as DSC-Net and the paper try Extended Yale B.

    Stage I sees the whole set, as theirs does.

    Raises:
        ValueError: if n is not in 2..n_classes.
    """
    if not 2 <= n <= n_classes:
        raise ValueError(f"n must be 2 to {n_classes}, not {n}.")
    if n == n_classes:
        return [whole(n)]
    return [
        Trial(block_name(n, first + 1), range(first, first + n), range(n_classes))
        for first in range(n_classes - n + 1)
    ]


def block_name(n: int, number: int) -> str:
    """``number`` is that of the block's first class, counted from 1."""
    return f"n{n}/block-{number:02d}"


def development(first: int, last: int, n_classes: int) -> Trial:
    """The classes ``first`` to ``last``, counted from 1, alone: nothing else is looked at.

    Raises:
        ValueError: if these are not at least two classes of the set.
    """
    if not 1 <= first < last <= n_classes:
        raise ValueError(f"The classes must lie in 1 to {n_classes}, not {first}-{last}.")
    chosen = range(first - 1, last)
    return Trial(f"classes-{first}-{last}", chosen, chosen)


def problem(images: ImageSet, classes: range) -> Problem:
    """The images of some classes in an order that does not tell them apart."""
    members = np.flatnonzero(np.isin(images.truth, classes))
    order = np.random.default_rng(ORDER_SEED).permutation(len(members)).astype(np.int64)
    chosen = members[order]
    return Problem(images.images[chosen], images.truth[chosen] - classes.start, order)
