"""Orthogonal matching pursuit of every image on all others at once, on the Gram matrix.

Batch OMP: Rubinstein, Zibulevsky, Elad, Efficient implementation of the K-SVD algorithm using batch
orthogonal matching pursuit, Technion 2008.
"""

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from models.solvers.telling import Tell

QUERIES = 512
DEPENDENT = 1e-9
"""Share added to the diagonal, so that atoms that depend on each other have a factorisation."""
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
        C[rows] = _pursue(K, rows, atoms, tolerance)
        if tell is not None:
            tell(begin + len(rows), n)
    return C


def _pursue(K: Tensor, own: Tensor, atoms: int, tolerance: float) -> Tensor:
    """Coefficients (B, N) of the queries ``own`` (B,)."""
    k = K[own]  # (B, N)
    energy = K.diagonal()[own].double()
    C = torch.zeros_like(k)
    taken = torch.zeros_like(k, dtype=torch.bool)
    taken.scatter_(1, own[:, None], value=True)
    left = torch.arange(len(own), device=K.device)
    S = torch.empty(len(own), 0, dtype=torch.long, device=K.device)
    correlation = k
    for _ in range(min(atoms, len(K) - 1)):
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
    M.diagonal(dim1=1, dim2=2).mul_(1 + DEPENDENT).clamp_(min=TINY)
    right = k.double()[:, :, None]
    c = torch.cholesky_solve(right, torch.linalg.cholesky(M))
    return c[:, :, 0].to(k.dtype), (c * right).sum(dim=(1, 2))
