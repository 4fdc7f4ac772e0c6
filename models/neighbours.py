"""Spectral clustering on scikit-learn's graph of nearest neighbours."""

import numpy as np
from sklearn.neighbors import kneighbors_graph

from models.base import Clustering, FloatArray
from models.hyperparameters import Assign
from models.quality import notices
from models.spectral import spectral_clustering


def clustered(X: FloatArray, n_clusters: int, k: int, seed: int, assign: Assign) -> Clustering:
    """Rows of X (N, D) by the graph that joins each to its k nearest others."""
    graph = kneighbors_graph(X, k, include_self=False)
    A = np.asarray((0.5 * (graph + graph.T)).todense(), dtype=np.float32)  # (N, N)
    found = spectral_clustering(A, n_clusters, seed, assign)
    return Clustering(
        labels=found.labels,
        affinity=A,
        labelings={"spectral": found.labels},
        diagnostics={
            "relative_eigengap": found.relative_eigengap,
            "components": float(found.components),
        },
        notices=notices(found.labels, n_clusters, found),
    )
