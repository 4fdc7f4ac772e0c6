"""The spectral clustering module: exact eigenvectors, k-means, and its own doubts."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.cluster._spectral import cluster_qr, discretize
from threadpoolctl import ThreadpoolController, threadpool_limits
from torch import Tensor

from models import accelerated
from models.affinity import Matrix, on_accelerator, on_host
from models.base import FloatArray, IntArray
from models.eigen import largest_eigenpairs, leading
from models.hyperparameters import Assign
from models.kmeans import kmeans, refine

Affinity: TypeAlias = "Matrix | sparse.csr_array"

FEW = 32
"""Entries per image up to which an affinity is treated as sparse."""
THREADED = 4096
"""Images from which on a dense affinity is decomposed by all threads."""
BLAS = ThreadpoolController()
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
        """Of these eigenvalues; near zero means that n clusters are not there."""
        return relative_eigengap(self.eigenvalues)


def relative_eigengap(eigenvalues: FloatArray) -> float:
    """(s_(n+1) - mean(s_1..s_n)) / mean(s_1..s_n), s the Laplacian's eigenvalues.

    Fan et al., AutoSC, NeurIPS 2022. ``eigenvalues`` (n + 1,) are the affinity's, descending.
    """
    s = np.clip(1 - eigenvalues, 0, None)
    low = float(s[:-1].mean())
    return (float(s[-1]) - low) / (low + 1e-6)


def spectral_clustering(
    A: Matrix,
    n_clusters: int,
    seed: int,
    assign: Assign = "kmeans",
    labels: IntArray | None = None,
) -> Segmentation:
    """Normalised spectral clustering of an affinity (N, N) (Ng, Jordan, Weiss, NIPS 2001).

    ``labels`` (N,), if given and without empty clusters, is a partition to refine by k-means.

    The spectra of post-processed affinities are so flat around position n that ARPACK returns a
    wrong subspace without a word; ``embed`` does not.
    """
    graph = sparsely(A)
    values, V = embed(graph, n_clusters)
    with one_thread():
        if labels is not None and len(np.unique(labels)) == n_clusters:
            labels = refine(V, labels, n_clusters)
        else:
            labels = assign_labels(V, n_clusters, seed, assign)
    return Segmentation(labels, values, components(graph))


def sparsely(A: Matrix) -> Affinity:
    """An affinity (N, N) by its entries, in float64, if these are few; else as it is."""
    if on_accelerator(A):
        return A
    A = on_host(A)
    n = len(A)
    if np.count_nonzero(A) > FEW * n:
        return A
    entries = np.flatnonzero(A)
    ends = np.searchsorted(entries, np.arange(0, n * n + 1, n))
    weights = A.ravel()[entries].astype(np.float64)
    return sparse.csr_array((weights, entries % n, ends), shape=(n, n))


def embed(A: Affinity, n_clusters: int) -> tuple[FloatArray, FloatArray]:
    """The n + 1 largest eigenvalues of D^-1/2 A D^-1/2 and its first n eigenvectors (N, n).

    In float32 where a residual shows that this spans the exact subspace, else by LAPACK in float64.
    Rows are scaled to unit length. An image without any affinity, such as a black one, has a row of
    zeros and points to all clusters alike: as a component of its own it would take one of them.
    """
    if isinstance(A, Tensor):
        return _unit_rows(*accelerated.embed(A, n_clusters))
    few = isinstance(A, sparse.csr_array)
    with one_thread() if few or len(A) < THREADED else nullcontext():
        how = sparsely_normalised if few else normalised
        exact = partial(how, A, np.float64)
        values, V = leading(how(A, np.float32), n_clusters, exact) or _exactly(A, n_clusters)
    return _unit_rows(values, V)


def _unit_rows(values: FloatArray, V: FloatArray) -> tuple[FloatArray, FloatArray]:
    norms = np.linalg.norm(V, axis=1, keepdims=True)
    return values, np.where(norms > 0, V / np.where(norms > 0, norms, 1), V.shape[1] ** -0.5)


def one_thread() -> AbstractContextManager[Any]:
    """Limits BLAS where products are tall and thin.

    On a machine that does something else, too, threads that wait for each other make them up to
    seventy times slower.
    """
    limited: AbstractContextManager[Any] = BLAS.limit(limits=1, user_api="blas")
    return limited


def normalised(A: FloatArray, dtype: type[np.floating[Any]]) -> FloatArray:
    """D^-1/2 A D^-1/2, with zeros where a row of A is zero. Shape (N, N).

    Entries that change no eigenvalue by more than rounding are zero: a power leaves many so small
    that their products are subnormal, which processors multiply up to a hundred times slower.
    """
    degree = A.sum(axis=1, dtype=np.float64)
    scale = (1 / np.sqrt(np.where(degree <= 0, 1, degree))).astype(dtype)
    L = np.multiply(A, scale[:, None], dtype=dtype)
    L *= scale
    np.putmask(L, np.finfo(dtype).eps / len(L) > L, 0)
    return L


def sparsely_normalised(A: sparse.csr_array, dtype: type[np.floating[Any]]) -> sparse.csc_array:
    """The same of an affinity by its entries, by columns."""
    n = A.shape[0]
    degree = A.sum(axis=1)
    scale = 1 / np.sqrt(np.where(degree <= 0, 1, degree))
    rows = np.repeat(np.arange(n), np.diff(A.indptr))
    weights = A.data * scale[rows] * scale[A.indices]
    kept = weights >= np.finfo(dtype).eps / n
    places = (rows[kept], A.indices[kept])
    return sparse.csc_array((weights[kept].astype(dtype), places), shape=(n, n))


def _exactly(A: "FloatArray | sparse.csr_array", n_clusters: int) -> tuple[FloatArray, FloatArray]:
    dense = A if isinstance(A, np.ndarray) else A.toarray()
    values, V = largest_eigenpairs(normalised(dense, np.float64), min(n_clusters + 1, len(dense)))
    return values, V[:, :n_clusters]


def assign_labels(V: FloatArray, n_clusters: int, seed: int, assign: Assign) -> IntArray:
    """Rows of a spectral embedding to clusters; one thread, so that sums have one order."""
    if assign == "kmeans":
        return kmeans(V, n_clusters, seed)
    with threadpool_limits(1):
        labels = cluster_qr(V) if assign == "cluster_qr" else discretize(V, random_state=seed)
    return np.asarray(labels, dtype=np.int64)


def components(A: Affinity) -> int:
    """Connected components of the graph of the affinity's entries that are not negligible."""
    least = CONNECTED * float(A.max())
    if isinstance(A, sparse.csr_array):
        return int(connected_components(least < A, directed=False, return_labels=False))
    connected = on_host(A) > least
    unseen = np.ones(len(connected), dtype=bool)
    count = 0
    while unseen.any():
        count += 1
        front = np.array([unseen.argmax()])
        while front.size:
            unseen[front] = False
            front = np.flatnonzero(connected[front].any(axis=0) & unseen)
    return count
