"""Cluster numbers carry no meaning; the Hungarian algorithm makes them agree."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.base import IntArray


def contingency(a: IntArray, b: IntArray) -> IntArray:
    """How often label i of ``a`` meets label j of ``b``. Shape (max a + 1, max b + 1)."""
    counts = np.zeros((a.max() + 1, b.max() + 1), dtype=np.int64)
    np.add.at(counts, (a, b), 1)
    return counts


def align(labels: IntArray, reference: IntArray, n_clusters: int) -> IntArray:
    """Renumber ``labels`` so that as many as possible equal ``reference``.

    Zhang et al., section 3.3: pseudo-labels of successive rounds are permuted before they
    supervise the head.
    """
    counts = np.zeros((n_clusters, n_clusters), dtype=np.int64)
    np.add.at(counts, (labels, reference), 1)
    rows, columns = linear_sum_assignment(-counts)
    renumbered = np.empty(n_clusters, dtype=np.int64)
    renumbered[rows] = columns
    return renumbered[labels]
