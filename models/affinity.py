"""From self-expression coefficients to an affinity: plainly, or cleaned up as DSC-Net does."""

from typing import Literal

import numpy as np
import torch

from models.base import FloatArray, IntArray
from models.eigen import largest_by_magnitude, largest_by_value
from models.hyperparameters import Kind, PostProcessing

FEW = 64
"""Coefficients of a row that are sorted first; thresholds seldom keep more."""


def affinity(
    C: FloatArray, n_clusters: int, kind: Kind, settings: PostProcessing | None
) -> FloatArray:
    """``processed`` if that is asked for and said how, else ``plain``. Shape (N, N)."""
    if kind == "plain" or settings is None:
        return plain(C)
    return processed(C, n_clusters, settings)


def plain(C: FloatArray) -> FloatArray:
    """A = (|C| + |C^T|) / 2, as in the text of Zhang et al., section 3.1. Shape (N, N)."""
    magnitude = np.abs(C)
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
    M = U * np.sqrt(np.abs(values))  # (N, rank)
    M /= np.maximum(np.linalg.norm(M, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    A = torch.from_numpy(M @ M.T)  # (N, N)
    A = A.clamp_(min=0).pow_(settings.power)
    if settings.neighbours is not None:
        A = nearest(A, settings.neighbours)
    A /= A.max().clamp_(min=torch.finfo(A.dtype).tiny)
    return (A + A.T).mul_(0.5).numpy()


def nearest(A: torch.Tensor, k: int) -> torch.Tensor:
    """A (N, N) with the k largest entries of each row off the diagonal; zero elsewhere."""
    others = A.clone().fill_diagonal_(-1)
    values, columns = others.topk(min(k, len(A) - 1), dim=1)
    return torch.zeros_like(A).scatter_(1, columns, values)


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
