"""The spectral clustering module: exact eigenvectors, k-means with restarts, and its own doubts."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import KMeans
from sklearn.cluster._spectral import cluster_qr, discretize
from threadpoolctl import threadpool_limits

from models.base import FloatArray, IntArray
from models.hyperparameters import Assign

RESTARTS = 20
CONNECTED = 1e-6
"""Entries below this share of the largest do not connect two images."""


@dataclass(frozen=True)
class Segmentation:
    """A partition of N images and the label-free figures that say how far to trust it.

    Attributes:
        labels: (N,) in 0..n-1.
        eigenvalues: (n + 1,) largest eigenvalues of D^-1/2 A D^-1/2, descending.
        components: connected components of the affinity graph.
    """

    labels: IntArray
    eigenvalues: FloatArray
    components: int

    @property
    def relative_eigengap(self) -> float:
        """(s_(n+1) - mean(s_1..s_n)) / mean(s_1..s_n), s the Laplacian's eigenvalues.

        Fan et al., AutoSC, NeurIPS 2022. Near zero means that n clusters are not there.
        """
        s = np.clip(1 - self.eigenvalues, 0, None)
        low = float(s[:-1].mean())
        return (float(s[-1]) - low) / (low + 1e-6)


def spectral_clustering(
    A: FloatArray, n_clusters: int, seed: int, assign: Assign = "kmeans"
) -> Segmentation:
    """Normalised spectral clustering of an affinity (N, N) (Ng, Jordan, Weiss, NIPS 2001).

    The eigenvectors come from LAPACK: the spectra of post-processed affinities are so flat around
    position n that ARPACK returns a wrong subspace without a word.
    """
    values, V = embed(A, n_clusters)
    labels = assign_labels(V, n_clusters, seed, assign)
    return Segmentation(labels, values, components(A))


def embed(A: FloatArray, n_clusters: int) -> tuple[FloatArray, FloatArray]:
    """The n + 1 largest eigenvalues of D^-1/2 A D^-1/2 and its first n eigenvectors (N, n).

    Rows are scaled to unit length; one of zeros points to all clusters alike. An image without any
    affinity is joined to itself.
    """
    n = len(A)
    degree = A.sum(axis=1, dtype=np.float64)
    isolated = degree <= 0
    scale = 1 / np.sqrt(np.where(isolated, 1, degree))
    L = (A * scale[:, None] * scale).astype(np.float64)
    L[isolated, isolated] = 1
    low = max(n - n_clusters - 1, 0)
    values, V = eigh(
        L, driver="evr", subset_by_index=[low, n - 1], overwrite_a=True, check_finite=False
    )
    values, V = values[::-1], V[:, ::-1][:, :n_clusters]  # (N, n)
    norms = np.linalg.norm(V, axis=1, keepdims=True)
    return values, np.where(norms > 0, V / np.where(norms > 0, norms, 1), n_clusters**-0.5)


def assign_labels(V: FloatArray, n_clusters: int, seed: int, assign: Assign) -> IntArray:
    """Rows of a spectral embedding to clusters; one thread, so that sums have one order."""
    with threadpool_limits(1):
        if assign == "cluster_qr":
            labels = cluster_qr(V)
        elif assign == "discretize":
            labels = discretize(V, random_state=seed)
        else:
            labels = KMeans(n_clusters, n_init=RESTARTS, random_state=seed).fit_predict(V)
    return np.asarray(labels, dtype=np.int64)


def components(A: FloatArray) -> int:
    """Connected components of the graph of the affinity's entries that are not negligible."""
    return int(connected_components(CONNECTED * A.max() < A, directed=False)[0])
