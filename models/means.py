"""k-means of scikit-learn as a clustering with confidences."""

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from models.base import Clustering, FloatArray, Notice
from models.quality import empty


def clustered(
    X: FloatArray, n_clusters: int, seed: int, restarts: int, max_iterations: int
) -> Clustering:
    """Rows of X (N, D) to the nearest of n means.

    The confidence is 1 - d1 / d2 of the distances to the nearest and the second nearest mean.
    """
    with threadpool_limits(1):  # sums of several threads have no order, and choose the restart
        found = KMeans(n_clusters, n_init=restarts, max_iter=max_iterations, random_state=seed)
        distances = np.sort(found.fit(X).transform(X), axis=1)[:, :2]  # (N, 2)
    labels = np.asarray(found.labels_, dtype=np.int64)
    ratio = distances[:, 0] / np.maximum(distances[:, 1], np.finfo(np.float32).tiny)
    return Clustering(
        labels=labels,
        confidence=np.clip(1 - ratio, 0, 1).astype(np.float32),
        sure_by="how much nearer its cluster's mean is than the next",
        answer="kmeans",
        labelings={"kmeans": labels},
        diagnostics={"inertia": float(found.inertia_), "iterations": float(found.n_iter_)},
        notices=(*_limit(found.n_iter_, max_iterations), *empty(labels, n_clusters)),
    )


def _limit(iterations: int, limit: int) -> tuple[Notice, ...]:
    if iterations < limit:
        return ()
    return (
        Notice(
            "not-converged",
            f"k-Means stopped at its limit of {limit} iterations: raise max_iterations.",
        ),
    )
