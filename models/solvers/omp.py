"""Orthogonal matching pursuit of every image on all others at once, on the Gram matrix.

Batch OMP: Rubinstein, Zibulevsky, Elad, Efficient implementation of the K-SVD algorithm using batch
orthogonal matching pursuit, Technion 2008.
"""

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from models.solvers.telling import Tell

QUERIES = 512
DEPENDENT, ROUNDED = 1e-9, 16
"""Share added to the diagonal, so that atoms that depend on each other have a factorisation: at
least so many times what an inner product is rounded by."""
TINY = 1e-30


def matching_pursuit(K: Tensor, atoms: int, tolerance: float, tell: Tell | None = None) -> Tensor:
    """min_c ||x_i - sum_j c_j x_j||^2 s.t. ||c||_0 <= ``atoms``, c_i = 0, greedily.

    Args:
        K: (N, N) Gram matrix.
        atoms: at most N - 1.
        tolerance: a query ends when ||residual||^2 is at most this share of ||x_i||^2.
        tell: hears how many queries of all are done.

    Returns:
        C: (N, N); row i expresses image i.
    """
    n = len(K)
    C = torch.zeros_like(K)
    for begin in range(0, n, QUERIES):
        rows = torch.arange(begin, min(begin + QUERIES, n), device=K.device)
        k = K[rows]  # (B, N)
        own = torch.zeros_like(k, dtype=torch.bool).scatter_(1, rows[:, None], value=True)
        C[rows] = _pursue(K, k, K.diagonal()[rows], own, min(atoms, n - 1), tolerance)
        if tell is not None:
            tell(begin + len(rows), n)
    return C


def matching_pursuit_of(
    K: Tensor, k: Tensor, energy: Tensor, atoms: int, tolerance: float
) -> Tensor:
    """The same of queries that are no atoms themselves.

    Args:
        K: (m, m) Gram matrix of the atoms.
        k: (B, m) inner products of queries and atoms.
        energy: (B,) squared lengths of the queries.
        atoms: at most m.
        tolerance: as above.

    Returns:
        C: (B, m).
    """
    nothing = torch.zeros_like(k, dtype=torch.bool)
    parts = zip(*(t.split(QUERIES) for t in (k, energy, nothing)), strict=True)
    return torch.cat([_pursue(K, q, e, free, atoms, tolerance) for q, e, free in parts])


def _pursue(
    K: Tensor, k: Tensor, energy: Tensor, taken: Tensor, atoms: int, tolerance: float
) -> Tensor:
    """Coefficients (B, N) of queries; ``taken`` (B, N) are atoms that they must not use."""
    energy = energy.double()
    C = torch.zeros_like(k)
    left = torch.arange(len(k), device=K.device)
    S = torch.empty(len(k), 0, dtype=torch.long, device=K.device)
    correlation = k
    for _ in range(atoms):
        best = correlation.abs().masked_fill(taken[left], -1).argmax(dim=1, keepdim=True)
        S = torch.cat([S, best], dim=1)  # (B, s)
        taken[left[:, None], best] = True
        c, fitted = _project(K, k[left].gather(1, S), S)
        C[left[:, None], S] = c
        open_ = energy[left] - fitted > tolerance * energy[left]
        left, S, c = left[open_], S[open_], c[open_]
        if not len(left):
            break
        # s rows of K are added up, where a product would read all N
        correlation = k[left] - embedding_bag(S, K, per_sample_weights=c, mode="sum")
    return C


def _project(K: Tensor, k: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """Least squares on the atoms S (B, s): coefficients (B, s), and ||projection||^2 (B,)."""
    M = K[S[:, :, None], S[:, None, :]].double()
    share = max(DEPENDENT, ROUNDED * torch.finfo(K.dtype).eps)
    M.diagonal(dim1=1, dim2=2).mul_(1 + share).clamp_(min=TINY)
    right = k.double()[:, :, None]
    c = torch.cholesky_solve(right, torch.linalg.cholesky(M))
    return c[:, :, 0].to(k.dtype), (c * right).sum(dim=(1, 2))
