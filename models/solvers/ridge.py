"""EDSC: self-expression with the Frobenius norm (Ji, Salzmann, Li, WACV 2014)."""

from typing import NamedTuple

import torch
from torch import Tensor

from models.solvers.leading import Leading
from models.solvers.telling import Tell

LOWERED = 0.7
"""Factor of the least singular value that is kept, from step to step, down to its limit."""


class Clean(NamedTuple):
    """What was found.

    Attributes:
        C: (N, N), the projector onto the row space of the clean images; row i expresses image i.
        E: (N, D) the outliers.
        rank: of the clean images.
        residual: the largest change of an outlier in the last step.
        converged: whether that is within the tolerance.
        iterations: how many were needed.
    """

    C: Tensor
    E: Tensor
    rank: int
    residual: float
    converged: bool
    iterations: int


def unconstrained(K: Tensor, weight: float) -> Tensor:
    """Min ||C||_F^2 + weight ||X - C X||_F^2 with the diagonal free. K (N, N) is X X^T."""
    M = K.double() * weight
    G = M.clone()
    G.diagonal().add_(1)
    return torch.cholesky_solve(M, torch.linalg.cholesky(G)).to(K.dtype)


def affine(K: Tensor, weight: float) -> Tensor:
    """The same subject to C 1 = 1.

    With G = (I + weight K)^-1 the free solution is I - G; each row is moved along G 1 until it sums
    to one.
    """
    n = len(K)
    M = K.double() * weight
    M.diagonal().add_(1)
    factor = torch.linalg.cholesky(M)
    G = torch.cholesky_inverse(factor)
    toward = G.sum(dim=1)  # (N,)
    missing = toward / toward.sum()  # 1 - the sums of the free rows, which are 1 - G 1
    C = torch.eye(n, dtype=M.dtype, device=M.device) - G
    return (C + missing[:, None] * toward[None, :]).to(K.dtype)


def outliers(
    X: Tensor,
    fidelity: float,
    sparsity: float,
    tolerance: float,
    max_iterations: int,
    tell: Tell | None = None,
) -> Clean:
    """Min 1/2 ||C||_F^2 + fidelity/2 ||X - D - E||_F^2 + sparsity ||E||_1  s.t.  D = C D.

    For a given D the least C is the projector onto its columns, and ||C||_F^2 its rank: what is
    left is a rank penalty on D, whose minimum keeps the singular values above 1/sqrt(fidelity), and
    soft thresholds of E. They are taken in turns, neither of which can raise the cost; the rank
    begins at 1, for outliers that D holds once stay there. The released code's augmented Lagrangian
    ends in other, worse points, or in C = 0, by how fast its penalty grows.

    Args:
        X: (N, D), rows are images.
        fidelity: lambda_1 of the released code.
        sparsity: lambda_2.
        tolerance: of the largest change of E, in units of X.
        max_iterations: turns.
        tell: hears of each.
    """
    E, leading, change, step = torch.zeros_like(X), Leading(), torch.inf, 0
    bound = sparsity / fidelity
    R = X.new_empty(X.shape[1], 0)
    least = fidelity**-0.5
    threshold = float(torch.linalg.matrix_norm(X, 2))
    for step in range(1, max_iterations + 1):
        threshold = max(LOWERED * threshold, least)
        R, _ = leading.above(X - E, threshold)
        rest = X - ((X - E) @ R) @ R.T
        new = rest - rest.clamp(-bound, bound)
        change = float((new - E).abs().max())
        E = new
        if tell is not None:
            tell(step, max_iterations, residual=change)
        if change < tolerance and threshold == least:
            break
    Q, _ = torch.linalg.qr((X - E) @ R)  # (N, rank)
    return Clean(Q @ Q.T, E, R.shape[1], change, change < tolerance, step)
