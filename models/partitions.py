"""How alike two partitions are. NumPy alone, so that the API can load it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.base import FloatArray, IntArray

TABLE = 4
"""Cells for each image up to which counting into a table is faster than sorting."""


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
    partitions = [_partition(labels) for group in groups for labels in group]
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    index = np.eye(len(partitions))
    for i, first in enumerate(partitions):
        for j, second in enumerate(partitions[:i]):
            index[i, j] = index[j, i] = _index(first, second)
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

    1 for equal partitions, 0 on average for unrelated ones.
    """
    return _index(_partition(a), _partition(b))


class Partition(NamedTuple):
    """``group`` (N,) in 0..groups-1; ``pairs`` of images in the same group."""

    group: IntArray
    groups: int
    pairs: float


def _partition(labels: IntArray) -> Partition:
    group = np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(group)
    return Partition(group, len(sizes), _pairs(sizes))


def _index(a: Partition, b: Partition) -> float:
    together, everywhere = _pairs(_meetings(a, b)), _pairs(np.array([len(a.group)]))
    expected, most = a.pairs * b.pairs / max(everywhere, 1), (a.pairs + b.pairs) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _meetings(a: Partition, b: Partition) -> IntArray:
    """How many images two groups share; a table of all only where it is about as small as N."""
    both = a.group * b.groups + b.group
    if a.groups * b.groups <= TABLE * len(both):
        return np.bincount(both)
    counts: IntArray = np.unique(both, return_counts=True)[1]
    return counts


def _pairs(sizes: IntArray) -> float:
    """Pairs of images inside groups of these sizes."""
    return float((sizes * (sizes - 1)).sum() / 2)
