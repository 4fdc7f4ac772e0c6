"""Low-rank representation by ADMM, in rotated coordinates.

    min_Z ||Z||_* + penalty ||X - Z X||_{2,1}                        (rows of X and Z are images)

With X = U S V^T and r = rank(X) the solution is Z = W U^T, and D drops out of the problem:

    min_W ||W||_* + penalty ||(U - W) S||_{2,1}                      (W is (N, r))

The splitting is that of Liu et al., Robust recovery of subspace structures by low-rank
representation, IEEE TPAMI 2013: J for the nuclear norm, E for the error, W for the linear algebra,
which is a division here since S is diagonal. Two things are not theirs. Their penalty grows by a
tenth in each iteration and freezes what is not solved by then; here it follows the residuals. And
of the singular values only those above the threshold are computed (``models.solvers.leading``).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from models.solvers.balance import PERIOD, Residuals
from models.solvers.leading import Leading, decompose, right_singular
from models.solvers.telling import Tell

RELAXATION = 1.6
"""Over-relaxation (Boyd et al., 2011, section 3.4.3)."""
NEAR = 1e-2
"""Residual from which on the duality gap is looked at."""
TINY = 1e-12


class LowRank(NamedTuple):
    """What was found.

    Attributes:
        C: (N, N) the representation Z; row i expresses image i.
        objective: ||Z||_* + penalty ||X - Z X||_{2,1}.
        residual: the duality gap: by how much, relative to it, it may lie above the minimum.
        converged: whether that is within the tolerance.
        iterations: how many were needed.
    """

    C: Tensor
    objective: float
    residual: float
    converged: bool
    iterations: int


def low_rank(
    X: Tensor,
    penalty: float,
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 1000,
    tell: Tell | None = None,
) -> LowRank:
    """Solve for X (N, D); ``tolerance`` is of the duality gap, relative to the objective."""
    now = Iteration(X, penalty)
    if not len(now.s):
        return LowRank(X.new_zeros(len(X), len(X)), 0.0, 0.0, converged=True, iterations=0)
    gap, step = math.inf, 0
    for step in range(1, max_iterations + 1):
        now.advance()
        if tell is not None:
            tell(step, max_iterations, residual=now.residuals.worst)
        if step == max_iterations or (step % PERIOD == 0 and now.residuals.worst < NEAR):
            gap = now.gap()
            if gap <= tolerance:
                break
        now.rescale(now.residuals.factor(step))
    return LowRank(now.J @ now.U.T, now.objective(), gap, gap <= tolerance, step)


class Iteration:
    """The three blocks (N, r) and two duals, scaled by the augmented Lagrangian's penalty."""

    def __init__(self, X: Tensor, penalty: float) -> None:
        U, s = decompose(X)
        unit = max(float(s.norm()) / len(U) ** 0.5, TINY)  # the images' mean length
        self.U, self.s, self.penalty = U, s / unit, penalty * unit
        self.US = U * self.s
        self.mu, self.leading, self.residuals = 1.0, Leading(), Residuals()
        self.W, self.J, self.E = (torch.zeros_like(U) for _ in range(3))
        self.dual_J, self.dual_E = torch.zeros_like(U), torch.zeros_like(U)

    def advance(self) -> None:
        """One iteration; the error is in units of the images' mean length."""
        before = self.W
        R = self.US - before * self.s
        self.J = self.leading.shrink(before + self.dual_J, 1 / self.mu)
        self.E = _shrink_rows(R + self.dual_E, self.penalty / self.mu)
        J = RELAXATION * self.J + (1 - RELAXATION) * before
        E = RELAXATION * self.E + (1 - RELAXATION) * R
        self.W = ((self.US - E + self.dual_E) * self.s + J - self.dual_J) / (1 + self.s**2)
        rest, apart = self.US - self.W * self.s, self.W - J
        self.dual_E += rest - E
        self.dual_J += apart
        moved = self.W - before
        primal = _norm(rest - self.E, self.W - self.J) / _norm(self.US)
        dual = _norm(moved * self.s, moved) / max(_norm(self.dual_E, self.dual_J), TINY)
        self.residuals = Residuals(primal, dual)

    def rescale(self, factor: float) -> None:
        if factor != 1:
            self.mu *= factor
            self.dual_J /= factor
            self.dual_E /= factor

    def objective(self) -> float:
        """||J||_* + penalty ||(U - J) S||_{2,1}: of a feasible point."""
        nuclear = right_singular(self.J)[1].sum()
        errors = torch.linalg.vector_norm(self.US - self.J * self.s, dim=1).sum()
        return float(nuclear + self.penalty * errors)

    def gap(self) -> float:
        """Of the objective and ``bound``, relative to the objective."""
        objective = self.objective()
        return (objective - self.bound()) / max(objective, TINY)

    def bound(self) -> float:
        """<Y, U S>, Y scaled until ||y_i|| <= penalty and ||Y S||_2 <= 1: below the minimum."""
        Y = self.dual_E * self.mu
        largest = float(right_singular(Y * self.s)[1][0])
        longest = float(torch.linalg.vector_norm(Y, dim=1).max())
        bound: float = float((Y * self.US).sum()) / max(longest / self.penalty, largest, TINY)
        return bound


def _shrink_rows(R: Tensor, threshold: float) -> Tensor:
    lengths = torch.linalg.vector_norm(R, dim=1, keepdim=True)
    shrunk: Tensor = R - R * (threshold / lengths.clamp(min=threshold))
    return shrunk


def _norm(*parts: Tensor) -> float:
    return math.sqrt(sum(float(part.square().sum()) for part in parts))
