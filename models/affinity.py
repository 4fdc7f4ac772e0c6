"""From self-expression coefficients to an affinity: plainly, or cleaned up as DSC-Net does."""

from typing import Literal

import numpy as np
import torch
from scipy.linalg import eigh

from models.base import FloatArray
from models.hyperparameters import PostProcessing


def plain(C: FloatArray) -> FloatArray:
    """A = (|C| + |C^T|) / 2, as in the text of Zhang et al., section 3.1. Shape (N, N)."""
    magnitude = np.abs(C)
    return 0.5 * (magnitude + magnitude.T)


def processed(C: FloatArray, n_clusters: int, settings: PostProcessing) -> FloatArray:
    """The affinity of DSC-Net's post-processing; symmetric, in [0, 1]. Shape (N, N).

    The released code decomposes the symmetrised C by ARPACK's SVD. An eigen-decomposition ordered
    by magnitude gives the same matrix M M^T, exactly and the same each time.
    """
    C = threshold(C, settings.threshold, settings.threshold_axis)
    S = 0.5 * (C + C.T)
    if settings.unit_diagonal:
        np.fill_diagonal(S, 1)
    rank = min(settings.dimension * n_clusters + 1, len(S) - 1)
    values, U = largest_by_magnitude(S, rank)
    M = U * np.sqrt(np.abs(values))  # (N, rank)
    M /= np.maximum(np.linalg.norm(M, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    A = torch.from_numpy(M) @ torch.from_numpy(M).T  # (N, N)
    A = A.clamp_(min=0).pow_(settings.power)
    A /= A.max().clamp_(min=torch.finfo(A.dtype).tiny)
    return (0.5 * (A + A.T)).numpy()


def threshold(C: FloatArray, share: float, axis: Literal["row", "column"] = "row") -> FloatArray:
    """Keep per row the fewest largest |c| whose sum exceeds ``share`` of the row's l1 norm."""
    if share >= 1:
        return C
    rows = torch.from_numpy(C if axis == "row" else np.ascontiguousarray(C.T))
    magnitude, order = rows.abs().sort(dim=1, descending=True, stable=True)
    mass_before = magnitude.cumsum(dim=1) - magnitude
    kept = mass_before <= share * magnitude.sum(dim=1, keepdim=True)
    result = torch.zeros_like(rows).scatter_(1, order, rows.gather(1, order) * kept).numpy()
    return result if axis == "row" else np.ascontiguousarray(result.T)


def largest_by_magnitude(S: FloatArray, rank: int) -> tuple[FloatArray, FloatArray]:
    """The ``rank`` eigenpairs of a symmetric matrix that are largest in magnitude.

    Both ends of the spectrum are computed by LAPACK's subset driver unless that would be most of
    the matrix. Returns values (rank,) and vectors (N, rank).
    """
    n = len(S)
    if 2 * rank >= n:
        values, U = eigh(S, driver="evd", check_finite=False)
    else:
        ends = [(0, rank - 1), (n - rank, n - 1)]
        parts = [eigh(S, driver="evr", subset_by_index=e, check_finite=False) for e in ends]
        values = np.concatenate([v for v, _ in parts])
        U = np.concatenate([u for _, u in parts], axis=1)
    kept = np.argsort(-np.abs(values), kind="stable")[:rank]
    return values[kept], U[:, kept]
