"""From self-expression coefficients to an affinity: plainly, or cleaned up as DSC-Net does."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeGuard, TypeVar

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from models import accelerated
from models.base import FloatArray, IntArray, SparseArray
from models.eigen import largest_by_magnitude, largest_by_value
from models.hyperparameters import Kind, PostProcessing
from models.sharpening import directions, sharpened
from models.thrift import spends

Matrix: TypeAlias = "FloatArray | Tensor"
"""On the CPU an array; on an accelerator a tensor, so that it stays there."""
AnyMatrix = TypeVar("AnyMatrix", "FloatArray", Tensor)
TINY = float(np.finfo(np.float32).tiny)
NUMERICAL_RANK = 1e-4
"""Singular values of C below this share of the largest are noise to ``lrr``'s affinity."""
FEW = 64
"""Coefficients of a row that are sorted first; thresholds seldom keep more."""
NEIGHBOURS = 50
"""Entries of a row that a sparse affinity keeps."""


def affinity(C: Matrix, n_clusters: int, kind: Kind, settings: PostProcessing | None) -> Matrix:
    """The affinity of a kind; ``plain`` where it needs settings and has none. Shape (N, N).

    Of a C on an accelerator, ``plain`` and ``processed`` affinities lie there, too.
    """
    if on_accelerator(C) and kind in ("plain", "processed"):
        settings = None if kind == "plain" else settings
        return plain(C) if settings is None else accelerated.processed(C, n_clusters, settings)
    C = on_host(C)
    if kind in OWN:
        return OWN[kind](C)
    if kind == "plain" or settings is None:
        return plain(C)
    return (
        angular(C, n_clusters, settings) if kind == "edsc" else processed(C, n_clusters, settings)
    )


def on_accelerator(A: object) -> TypeGuard[Tensor]:
    """Whether it is a tensor that NumPy cannot reach, and the device has memory to go on there."""
    return isinstance(A, Tensor) and spends(A)


def on_host(A: Matrix) -> NDArray[Any]:
    """The same as an array; what lies on the CPU is not copied."""
    return A.detach().cpu().numpy() if isinstance(A, Tensor) else A


def plain(C: AnyMatrix) -> AnyMatrix:
    """A = (|C| + |C^T|) / 2, as in the text of Zhang et al., section 3.1. Shape (N, N)."""
    magnitude = abs(C)
    return 0.5 * (magnitude + magnitude.T)


def processed(C: FloatArray, n_clusters: int, settings: PostProcessing) -> FloatArray:
    """The affinity of DSC-Net's post-processing, or a variant; symmetric, in [0, 1]. Shape (N, N).

    The released code decomposes the symmetrised C by ARPACK's SVD. An eigen-decomposition ordered
    by magnitude gives the same matrix M M^T, exactly and the same each time.
    """
    C = threshold(C, settings.threshold, settings.threshold_axis)
    S = 0.5 * (C + C.T)
    if settings.unit_diagonal:
        np.fill_diagonal(S, 1)
    rank = min(settings.dimension * n_clusters + 1, len(S) - 1)
    largest = largest_by_value if settings.spectrum == "positive" else largest_by_magnitude
    values, U = largest(S, rank)
    M = directions(torch.from_numpy(U * np.sqrt(np.abs(values))))  # (N, rank)
    return sharpened(M @ M.T, settings).numpy()


def scaled(C: FloatArray) -> FloatArray:
    """Rows of |C| over their largest entry, before both halves are added.

    ``BuildAdjacency`` of Elhamifar and Vidal's released code.
    """
    magnitude = np.abs(C)
    return plain(magnitude / np.maximum(magnitude.max(axis=1, keepdims=True), TINY))


def unit_rows(C: FloatArray) -> FloatArray:
    """Rows of C at unit length, before both halves are added (You et al., released code)."""
    return plain(C / np.maximum(np.linalg.norm(C, axis=1, keepdims=True), TINY))


def shape_interaction(C: FloatArray) -> FloatArray:
    """(M M^T)^4 with M = V S^(1/2) of C = U S V^T at unit rows (Liu et al., released code).

    Their Z is C^T: its columns express images, and its left singular vectors are V.
    """
    values, V = scipy.linalg.eigh(np.asarray(C.T @ C, dtype=np.float64))
    s = np.sqrt(np.clip(values, 0, None))
    kept = s > NUMERICAL_RANK * s[-1]
    return _angles(np.asarray(V[:, kept] * np.sqrt(s[kept]), np.float32)) ** 4


def angular(C: FloatArray, n_clusters: int, settings: PostProcessing) -> FloatArray:
    """The clean-up of EDSC's released code: negative inner products count, nothing is cut off."""
    rank = min(settings.dimension * n_clusters + 1, len(C) - 1)
    values, U = largest_by_magnitude(0.5 * (C + C.T), rank)
    return np.abs(_angles(U * np.sqrt(np.abs(values)))) ** settings.power


def _angles(M: FloatArray) -> FloatArray:
    """Cosines of the angles between rows; symmetric. Shape (N, N)."""
    M = directions(torch.from_numpy(M)).numpy()
    A = np.asarray(M @ M.T, dtype=np.float32)
    return 0.5 * (A + A.T)


def threshold(C: FloatArray, share: float, axis: Literal["row", "column"] = "row") -> FloatArray:
    """Keep per row the fewest largest |c| whose sum exceeds ``share`` of the row's l1 norm.

    Of equal |c| the first ones are kept.
    """
    if share >= 1:
        return C
    rows = C if axis == "row" else C.T
    magnitude = np.abs(rows)
    kept, cutoff = _cutoffs(magnitude, share)
    large = magnitude >= cutoff[:, None]
    for i in np.flatnonzero(np.count_nonzero(large, axis=1) > kept):
        ties = np.flatnonzero(magnitude[i] == cutoff[i])
        surplus = np.count_nonzero(large[i]) - kept[i]
        large[i, ties[-surplus:]] = False
    result = np.where(large, rows, np.zeros((), rows.dtype))
    return result if axis == "row" else np.ascontiguousarray(result.T)


def _cutoffs(magnitude: FloatArray, share: float) -> tuple[IntArray, FloatArray]:
    """How many of each row of (N, N) are kept, and the least of these; sorts no more than it must.

    Returns (N,) and (N,).
    """
    n, width = len(magnitude), min(FEW, len(magnitude))
    goal = share * magnitude.sum(axis=1, dtype=np.float64, keepdims=True)
    while True:
        largest = np.partition(magnitude, n - width, axis=1)[:, n - width :]
        largest = np.sort(largest, axis=1)[:, ::-1]
        within = (largest.cumsum(axis=1, dtype=np.float64) <= goal) & (goal > 0)
        kept = 1 + np.count_nonzero(within, axis=1)
        if width == n or kept.max() <= width:
            kept = np.minimum(kept, n)
            return kept, largest[np.arange(n), kept - 1]
        width = min(4 * width, n)


def neighbours(affinity: FloatArray, k: int = NEIGHBOURS) -> SparseArray:
    """The k largest entries of each row off the diagonal, made symmetric by the maximum."""
    kept = largest_entries(affinity, k)
    return sparse.csr_array(kept.maximum(kept.T))


def largest_entries(M: FloatArray, k: int = NEIGHBOURS) -> SparseArray:
    """The k entries off the diagonal of each row of (N, N) that are largest by magnitude."""
    n, k = len(M), min(k, len(M) - 1)
    rows = np.repeat(np.arange(n), k)
    columns = np.concatenate([_largest(i, row, k) for i, row in enumerate(M)])
    kept = sparse.csr_array((M[rows, columns], (rows, columns)), shape=(n, n))
    kept.eliminate_zeros()
    return kept


def _largest(own: int, row: FloatArray, k: int) -> IntArray:
    others = np.abs(row)
    others[own] = -np.inf
    return np.argpartition(others, -k)[-k:]


OWN: dict[str, Callable[[FloatArray], FloatArray]] = {
    "ssc": scaled,
    "unit_rows": unit_rows,
    "lrr": shape_interaction,
}
"""Authors' own affinities that need no settings."""
