"""Post-processing and spectral embedding on an accelerator, where there are no LAPACK routines.

What is computed is what ``models.affinity`` and ``models.spectral`` compute. A CPU is best served
by a partial decomposition and by sparse factors; a GPU by whole decompositions and dense ones.
"""

from functools import partial
from typing import Literal

import torch
from torch import Tensor

from models.base import FloatArray
from models.eigen import BLOCKS, SHIFT, SPREAD, TALL, RitzPairs, block_width, doubts
from models.hyperparameters import PostProcessing, Spectrum
from models.sharpening import directions, sharpened


def processed(C: Tensor, n_clusters: int, settings: PostProcessing) -> Tensor:
    """The affinity of DSC-Net's post-processing, or a variant; symmetric, in [0, 1]. (N, N)."""
    C = threshold(C, settings.threshold, settings.threshold_axis)
    S = 0.5 * (C + C.T)
    if settings.unit_diagonal:
        S.fill_diagonal_(1)
    rank = min(settings.dimension * n_clusters + 1, len(S) - 1)
    values, U = largest(S, rank, settings.spectrum)
    M = directions(U * values.abs().sqrt())  # (N, rank)
    return sharpened(M @ M.T, settings)


def threshold(C: Tensor, share: float, axis: Literal["row", "column"]) -> Tensor:
    """Keep per row the fewest largest |c| whose sum exceeds ``share`` of the row's l1 norm."""
    if share >= 1:
        return C
    rows = C if axis == "row" else C.T
    magnitude, order = rows.abs().sort(dim=1, descending=True, stable=True)
    sums = magnitude.cumsum(dim=1, dtype=torch.float64)
    goal = share * sums[:, -1:]
    within = (sums <= goal) & (goal > 0)
    last = within.sum(dim=1, keepdim=True)  # the one that exceeds it is kept, too
    kept = torch.arange(len(C), device=C.device) <= last
    result = torch.zeros_like(rows).scatter_(1, order, rows.gather(1, order) * kept)
    return result if axis == "row" else result.T.contiguous()


def largest(S: Tensor, rank: int, spectrum: Spectrum) -> tuple[Tensor, Tensor]:
    """The ``rank`` eigenpairs that are largest in magnitude, or by value with negatives as 0.

    Returns values (rank,), descending, and vectors (N, rank).
    """
    values, U = torch.linalg.eigh(S)
    sizes = values if spectrum == "positive" else values.abs()
    kept = sizes.argsort(descending=True, stable=True)[:rank]
    values = values[kept]
    return (values.clamp(min=0) if spectrum == "positive" else values), U[:, kept]


def embed(A: Tensor, n_clusters: int) -> tuple[FloatArray, FloatArray]:
    """The n + 1 largest eigenvalues of D^-1/2 A D^-1/2 and its first n eigenvectors (N, n)."""
    L = normalised(A)
    found = krylov(L, n_clusters)
    if found is None or not found.accurate:
        values, V = torch.linalg.eigh(L)
        count = min(n_clusters + 1, len(L))
        found = RitzPairs(_host(values.flip(0)[:count]), _host(V.flip(1)[:, :count]), 0.0, 0.0, 0.0)
    return found.values, found.vectors[:, :n_clusters]


def normalised(A: Tensor) -> Tensor:
    """D^-1/2 A D^-1/2 in float64, with zeros where a row of A is zero. Shape (N, N)."""
    L = A.double()
    degree = L.sum(dim=1)
    scale = degree.masked_fill(degree <= 0, 1).rsqrt()
    return L * scale[:, None] * scale


def krylov(L: Tensor, k: int) -> RitzPairs | None:
    """Leading eigenpairs from a block Krylov space, as in ``models.eigen``; None without room."""
    n, columns = len(L), block_width(k)
    most = min(BLOCKS[-1], n // (TALL * columns))
    if most < BLOCKS[0]:
        return None
    T = _operator(L, k)
    basis, images = (L.new_empty(n, most * columns) for _ in range(2))
    generator = torch.Generator(L.device).manual_seed(0)
    block = torch.randn(n, columns, generator=generator, dtype=L.dtype, device=L.device)
    found = None
    for blocks in range(1, most + 1):
        past, done = (blocks - 1) * columns, blocks * columns
        for _ in range(2):
            block = torch.linalg.qr(block - basis[:, :past] @ (basis[:, :past].T @ block))[0]
        basis[:, past:done] = block
        images[:, past:done] = block = T(block)
        if blocks in BLOCKS:
            H = basis[:, :done].T @ images[:, :done]
            Y = torch.linalg.eigh(0.5 * (H + H.T))[1][:, -(k + 1) :]
            found = rayleigh_ritz(L, images[:, :done] @ Y)
            if found.accurate:
                break
    return found


def rayleigh_ritz(L: Tensor, X: Tensor) -> RitzPairs:
    """The best eigenpairs of L (N, N) in the span of X (N, k + 1), and how good they are."""
    X = torch.linalg.qr(X)[0]
    LX = L @ X
    values, Y = torch.linalg.eigh(X.T @ LX)
    values, Y = values.flip(0), Y.flip(1)
    X, LX = X @ Y, LX @ Y
    residuals = torch.linalg.vector_norm(LX - X * values, dim=0)
    norms = _host(residuals)
    return RitzPairs(_host(values), _host(X), *doubts(_host(values), norms), float(norms.max()))


def _operator(L: Tensor, k: int) -> "partial[Tensor]":
    """L, or ((1 + SHIFT) I - L)^-1 where all that is wanted may lie just below 1."""
    if float(torch.linalg.vector_norm(L)) ** 2 <= k * SPREAD**2:
        return partial(torch.matmul, L)
    G = -L
    G.diagonal().add_(1 + SHIFT)
    return partial(_solve, torch.linalg.cholesky(G))


def _solve(factor: Tensor, X: Tensor) -> Tensor:
    return torch.cholesky_solve(X, factor)


def _host(values: Tensor) -> FloatArray:
    found: FloatArray = values.cpu().numpy()
    return found
