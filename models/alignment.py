"""Cluster numbers carry no meaning; the Hungarian algorithm makes them agree."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.base import IntArray


def contingency(a: IntArray, b: IntArray, least: int = 1) -> IntArray:
    """How often label i of ``a`` meets label j of ``b``. Shape (max a + 1, max b + 1).

    Both sides are at least ``least``, for labels that may miss the last clusters.
    """
    counts = np.zeros((max(a.max() + 1, least), max(b.max() + 1, least)), dtype=np.int64)
    np.add.at(counts, (a, b), 1)
    return counts


def align(labels: IntArray, reference: IntArray, n_clusters: int) -> IntArray:
    """Renumber ``labels`` so that as many as possible equal ``reference``.

    Zhang et al., section 3.3: pseudo-labels of successive rounds are permuted before they
    supervise the head.
    """
    counts = contingency(labels, reference, n_clusters)
    rows, columns = linear_sum_assignment(-counts)
    renumbered = np.empty(n_clusters, dtype=np.int64)
    renumbered[rows] = columns
    return renumbered[labels]
