"""Closed-form self-expression: the ridge solution with a zero diagonal."""

import torch
from torch import Tensor


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
    G = Z.double() @ Z.double().T  # (N, N)
    G.diagonal().add_(ridge)
    D = torch.cholesky_inverse(torch.linalg.cholesky(G))
    C = -D / D.diagonal()[:, None]
    return C.fill_diagonal_(0).to(Z.dtype)
