"""How alike two partitions are. NumPy alone, so that the API can load it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.base import FloatArray, IntArray


class Likeness(NamedTuple):
    """A group's partitions: how alike to those of the other groups, and to each other.

    Attributes:
        agreement: of each partition, the mean adjusted Rand index with the other groups', each
            group with one voice; empty if no other group has a partition.
        stability: the mean adjusted Rand index of two of the group's own; None if it has one.
    """

    agreement: list[float]
    stability: float | None


def likeness(groups: Sequence[Sequence[IntArray]]) -> list[Likeness]:
    """Of each group of partitions (N,) of the same images."""
    partitions = [labels for group in groups for labels in group]
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    index = np.eye(len(partitions))
    for i, first in enumerate(partitions):
        for j, second in enumerate(partitions[:i]):
            index[i, j] = index[j, i] = adjusted_rand(first, second)
    return [_likeness(index, owner, group) for group in range(len(groups))]


def _likeness(index: FloatArray, owner: IntArray, group: int) -> Likeness:
    own = index[owner == group]  # (own partitions, all partitions)
    others = [own[:, owner == other].mean(axis=1) for other in set(owner.tolist()) - {group}]
    agreement = np.mean(others, axis=0).tolist() if others else []
    within = own[:, owner == group]
    pairs = within[np.triu_indices(len(within), 1)]
    return Likeness(agreement, float(pairs.mean()) if pairs.size else None)


def adjusted_rand(a: IntArray, b: IntArray) -> float:
    """Adjusted Rand index of two labelings (N,) of the same images (Hubert and Arabie, 1985).

    1 for equal partitions, 0 on average for unrelated ones. Only pairs of labels that occur are
    counted: the memory is that of the labels, however many clusters there are.
    """
    first, second = (np.unique(labels, return_inverse=True)[1] for labels in (a, b))
    both = np.unique(first * (int(second.max()) + 1) + second, return_counts=True)[1]
    together = _pairs(both)
    rows, columns = _pairs(np.bincount(first)), _pairs(np.bincount(second))
    expected = rows * columns / max(_pairs(np.array([len(a)])), 1)
    most = (rows + columns) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _pairs(counts: IntArray) -> float:
    """Pairs of images inside groups of these sizes."""
    return float((counts * (counts - 1)).sum() / 2)
