"""Closed-form self-expression: the ridge solution with a zero diagonal."""

import torch
from torch import Tensor

FLAT = 2
"""Images per feature from which on p x p matrices are cheaper than N x N ones."""


def closed_form(Z: Tensor, ridge: float) -> Tensor:
    """min_C ||Z - C Z||_F^2 + ridge ||C||_F^2  subject to diag(C) = 0.

    Lu et al., ECCV 2012 (LSR), with the exact constraint: with D = (Z Z^T + ridge I)^-1 the
    solution is c_ij = -d_ij / d_ii off the diagonal.

    Args:
        Z: (N, p), rows are images.
        ridge: positive, in units of ||z||^2.

    Returns:
        C: (N, N), row i expresses image i.
    """
    D = _inverse(Z.double(), ridge)
    C = -D / D.diagonal()[:, None]
    return C.fill_diagonal_(0).to(Z.dtype)


def _inverse(Z: Tensor, ridge: float) -> Tensor:
    """(Z Z^T + ridge I)^-1 (N, N) up to a factor, by Woodbury's identity where p is small."""
    n, p = Z.shape
    if FLAT * p > n:
        G = Z @ Z.T
        G.diagonal().add_(ridge)
        return torch.cholesky_inverse(torch.linalg.cholesky(G))
    K = Z.T @ Z  # (p, p)
    K.diagonal().add_(ridge)
    W = torch.linalg.solve_triangular(torch.linalg.cholesky(K), Z.T, upper=False)  # (p, N)
    D: Tensor = -(W.T @ W)
    D.diagonal().add_(1)
    return D
