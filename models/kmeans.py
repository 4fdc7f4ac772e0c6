"""k-means by local search: one greedy seeding, then swaps of centres while they help."""

from typing import NamedTuple

import numpy as np
from sklearn.cluster._kmeans import _kmeans_single_lloyd

from models.base import FloatArray, IntArray

CANDIDATES = 8
"""Points of which each swap may make one a centre."""
PATIENCE = 10
"""Swaps in a row that may fail before the search ends."""
LESS = 1e-5
"""Least share by which a swap must lower the inertia."""
MOVED = 1e-4
"""Centres that move by less than this share of the variance have converged."""
ITERATIONS = 300


class Points(NamedTuple):
    """Points (N, p) in float32, their squared lengths (N,), and the mean variance of a column."""

    X: FloatArray
    squares: FloatArray
    variance: float


def points(X: FloatArray) -> Points:
    X = np.ascontiguousarray(X, dtype=np.float32)
    return Points(X, np.einsum("ij,ij->i", X, X), float(X.var(axis=0).mean()))


def kmeans(X: FloatArray, n_clusters: int, seed: int) -> IntArray:
    """Labels (N,) of points (N, p), in float32.

    After Lattanzi and Sohler (ICML 2019) and Fränti (Journal of Big Data 2018): a point drawn by
    its squared distance replaces the centre whose loss costs least, and Lloyd's iterations follow.
    That finds a lower inertia than the best of 20 restarts of k-means++, in less time.
    """
    P, generator = points(X), np.random.default_rng(seed)
    labels, inertia, centres = _lloyd(P, P.X[plus_plus(P, n_clusters, generator)])
    failures = 0
    while failures < PATIENCE:
        tried = _lloyd(P, swapped(P, centres, generator))
        if tried[1] < (1 - LESS) * inertia:
            labels, inertia, centres = tried
            failures = 0
        else:
            failures += 1
    return labels.astype(np.int64)


def refine(X: FloatArray, labels: IntArray, n_clusters: int) -> IntArray:
    """Labels (N,) after Lloyd's iterations from the means of a partition without empty clusters.

    They move single points: if a cluster would lose half of its own, the partition stays as it is.
    """
    P = points(X)
    members = np.eye(n_clusters, dtype=np.float32)[labels]  # (N, n)
    sizes = members.sum(axis=0)
    found = _lloyd(P, members.T @ P.X / sizes[:, None])[0].astype(np.int64)
    kept = np.bincount(labels[found == labels], minlength=n_clusters)
    return found if (2 * kept > sizes).all() else labels


def plus_plus(P: Points, n_clusters: int, generator: np.random.Generator) -> IntArray:
    """Greedy k-means++ (Arthur and Vassilvitskii, SODA 2007): indices (n,) of the first centres.

    Of 2 + ln n candidates the one that lowers the sum of squared distances most is next.
    """
    trials = 2 + int(np.log(n_clusters))
    seeds = np.empty(n_clusters, dtype=np.int64)
    seeds[0] = generator.integers(len(P.X))
    nearest = _squared_distances(P, P.X[seeds[:1]])[0]  # (N,)
    for k in range(1, n_clusters):
        candidates = _drawn(nearest, trials, generator)
        distances = np.minimum(_squared_distances(P, P.X[candidates]), nearest)  # (trials, N)
        best = distances.sum(axis=1).argmin()
        seeds[k], nearest = candidates[best], distances[best]
    return seeds


def swapped(P: Points, centres: FloatArray, generator: np.random.Generator) -> FloatArray:
    """The centres (n, p) after the best swap of one for a point out of a few drawn ones."""
    distances, every = _squared_distances(P, centres), np.arange(len(P.X))  # (n, N)
    owner = distances.argmin(axis=0)
    first = distances[owner, every]
    distances[owner, every] = np.inf
    second = distances.min(axis=0)
    drawn = P.X[_drawn(first, CANDIDATES, generator)]
    added = _squared_distances(P, drawn)  # (CANDIDATES, N)
    kept = np.minimum(added, first)
    loss = np.minimum(added, second) - kept  # of a point whose centre goes
    members = np.eye(len(centres), dtype=np.float32)[owner]  # (N, n)
    inertia = kept.sum(axis=1, keepdims=True) + loss @ members  # (CANDIDATES, n)
    new, old = np.unravel_index(inertia.argmin(), inertia.shape)
    result = centres.copy()
    result[old] = drawn[new]
    return result


def _drawn(weights: FloatArray, count: int, generator: np.random.Generator) -> IntArray:
    """Different indices, drawn by weight (Efraimidis and Spirakis, 2006).

    A race of exponential clocks: unlike a draw from cumulated weights, it has the same winners
    when all weights are changed a little.
    """
    count = min(count, len(weights))
    clocks = generator.standard_exponential(len(weights), dtype=np.float32)
    clocks /= np.maximum(weights, np.finfo(np.float32).eps ** 2)
    return np.argpartition(clocks, count - 1)[:count]


def _squared_distances(P: Points, centres: FloatArray) -> FloatArray:
    """From centres (n, p) to points (N, p). Shape (n, N)."""
    distances = (-2 * centres) @ P.X.T
    distances += P.squares
    distances += np.einsum("ij,ij->i", centres, centres)[:, None]
    return np.maximum(distances, 0, out=distances)


def _lloyd(P: Points, centres: FloatArray) -> tuple[IntArray, float, FloatArray]:
    """Labels, inertia and centres after Lloyd's iterations, by one thread: sums have one order.

    scikit-learn's loop itself, since its public estimator takes up to three times as long.
    """
    labels, inertia, centres, _ = _kmeans_single_lloyd(
        P.X,
        np.ones(len(P.X), dtype=P.X.dtype),
        centres,
        max_iter=ITERATIONS,
        tol=MOVED * P.variance,
    )
    return labels, inertia, centres
