"""LRSC: low-rank self-expression by one decomposition (Vidal, Favaro, PRL 2014)."""

from typing import NamedTuple

import torch
from torch import Tensor

from models.solvers.telling import Tell

GRID = 300
"""Points of the search for a clean singular value."""
REFINED = 40
"""Halvings of the bracket around the best of them."""


class LowRank(NamedTuple):
    """C (N, N), the outliers E (N, D) or None, and how the alternation ended."""

    C: Tensor
    E: Tensor | None
    residual: float
    converged: bool
    iterations: int


def relaxed(X: Tensor, tau: float) -> Tensor:
    """Min ||C||_* + tau/2 ||X - C X||_F^2, C symmetric. X (N, D), C (N, N)."""
    U, s = _left(X)
    return _coefficients(U, s, tau)


def noisy(X: Tensor, tau: float, alpha: float) -> Tensor:
    """Min ||C||_* + tau/2 ||A - C A||_F^2 + alpha/2 ||X - A||_F^2, over A and C."""
    U, s = _left(X)
    return _coefficients(U, clean(s, tau, alpha), tau)


def outliers(
    X: Tensor,
    tau: float,
    alpha: float,
    gamma: float,
    *,
    tolerance: float,
    max_iterations: int,
    tell: Tell | None = None,
) -> LowRank:
    """The same with + gamma ||E||_1 and X - A - E; A and E in turns."""
    E, A = torch.zeros_like(X), torch.zeros_like(X)
    for step in range(1, max_iterations + 1):
        U, s, Vt = torch.linalg.svd(X - E, full_matrices=False)
        cleaned = clean(s, tau, alpha)
        new = (U * cleaned) @ Vt
        change = float((new - A).abs().mean())
        A, R = new, X - new
        E = R - R.clamp(-gamma / alpha, gamma / alpha)
        if tell is not None:
            tell(step, max_iterations, residual=change)
        if change < tolerance:
            break
    return LowRank(_coefficients(U, cleaned, tau), E, change, change < tolerance, step)


def clean(s: Tensor, tau: float, alpha: float) -> Tensor:
    """The polynomial thresholding operator: clean singular values (r,) of noisy ones s (r,).

    Each minimises over l >= 0

        alpha/2 (s - l)^2 + { 1 - 1/(2 tau l^2) for l > 1/sqrt(tau), else tau/2 l^2 }

    and is found on a grid of [0, s], refined by golden sections.
    """
    share = torch.linspace(0, 1, GRID, dtype=torch.double, device=s.device)
    sigma = s.double()[:, None]
    grid = sigma * share  # (r, GRID)
    at = _cost(grid, sigma, tau, alpha).argmin(dim=1, keepdim=True)
    low = grid.gather(1, (at - 1).clamp(min=0))
    high = grid.gather(1, (at + 1).clamp(max=GRID - 1))
    golden = (5**0.5 - 1) / 2
    for _ in range(REFINED):
        left, right = high - golden * (high - low), low + golden * (high - low)
        lower = _cost(left, sigma, tau, alpha) < _cost(right, sigma, tau, alpha)
        low, high = torch.where(lower, low, left), torch.where(lower, right, high)
    return ((low + high) / 2)[:, 0].to(s.dtype)


def _cost(value: Tensor, sigma: Tensor, tau: float, alpha: float) -> Tensor:
    large = 1 - 1 / (2 * tau * value.clamp(min=tau**-0.5) ** 2)
    rank = torch.where(value > tau**-0.5, large, tau / 2 * value**2)
    return alpha / 2 * (sigma - value) ** 2 + rank


def _coefficients(U: Tensor, s: Tensor, tau: float) -> Tensor:
    """U (1 - 1 / (tau s^2)) U^T over the singular values above 1/sqrt(tau)."""
    kept = s > tau**-0.5
    U, s = U[:, kept], s[kept]
    return (U * (1 - 1 / (tau * s**2))) @ U.T


def largest(X: Tensor) -> float:
    """||X||_2; 1 for images without any light."""
    return float(torch.linalg.matrix_norm(X, 2)) or 1.0


def _left(X: Tensor) -> tuple[Tensor, Tensor]:
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U, s
