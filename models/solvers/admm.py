"""Sparse self-expression with outliers, affine subspaces or weights, by ADMM.

The problems of Elhamifar and Vidal, Sparse subspace clustering, IEEE TPAMI 2013, section 3, all
rows at once, on two blocks of variables: Z for the linear algebra; its sparse copy C and the
residual E = X - Z X for the thresholds. Their released code has the residual inside Z, and an
inverse of N + D rows.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from models.solvers.balance import PERIOD, Residuals
from models.solvers.telling import Tell

RELAXATION = 1.6
"""Over-relaxation (Boyd et al., 2011, section 3.4.3)."""
RESIDUALS = 3.0
"""Weight of the residual's constraint beside that of the copy's."""
TINY = 1e-12


class Problem(NamedTuple):
    """min sum_ij w_ij |c_ij| + fit  s.t. diag(C) = 0, and C 1 = 1 if ``affine``.

    Attributes:
        X: (N, D), rows are images.
        fidelity: of ``fit`` = fidelity / 2 ||X - C X||_F^2, or fidelity ||X - C X||_1 if
            ``outliers``.
        outliers: whether a few pixels may be far off.
        affine: whether the coefficients of an image add up to 1.
        weights: (N, N), or None for 1.
    """

    X: Tensor
    fidelity: float
    outliers: bool = False
    affine: bool = False
    weights: Tensor | None = None

    def scaled(self) -> "Problem":
        """The same with images of unit length in the mean, for which ``RESIDUALS`` is meant."""
        unit = max(float(torch.linalg.vector_norm(self.X, dim=1).mean()), TINY)
        power = 1 if self.outliers else 2
        return self._replace(X=self.X / unit, fidelity=self.fidelity * unit**power)

    def objective(self, C: Tensor) -> float:
        R = self.X - C @ self.X
        mass = C.abs() if self.weights is None else C.abs() * self.weights
        fit = R.abs().sum() if self.outliers else R.square().sum() / 2
        return float(mass.sum() + self.fidelity * fit)


class Sparse(NamedTuple):
    """What was found.

    Attributes:
        C: (N, N) sparse; row i expresses image i.
        residual: the larger of the relative primal and dual residuals.
        converged: whether that is within the tolerance.
        iterations: how many were needed.
    """

    C: Tensor
    residual: float
    converged: bool
    iterations: int


def sparse(
    problem: Problem,
    penalty: float,
    *,
    tolerance: float,
    max_iterations: int,
    tell: Tell | None = None,
) -> Sparse:
    """Solve; ``penalty`` is what the augmented Lagrangian's begins with."""
    now = Iteration(problem, penalty)
    step = 0
    for step in range(1, max_iterations + 1):
        looked = step % PERIOD == 0 or step == max_iterations
        now.advance(looked)
        if tell is not None:
            tell(step, max_iterations, residual=now.residuals.worst)
        if now.residuals.worst < tolerance:
            break
        now.rescale(now.residuals.factor(step))
    worst = now.residuals.worst
    return Sparse(now.C, worst, worst < tolerance, step)


class Iteration:
    """C, E, their duals scaled by the penalty, and what is factored once."""

    def __init__(self, problem: Problem, penalty: float) -> None:
        problem = problem.scaled()
        X = problem.X
        self.problem, self.penalty, self.residuals = problem, penalty, Residuals()
        G = RESIDUALS * (X @ X.T).double()
        G.diagonal().add_(1)
        self.inverse = torch.cholesky_inverse(torch.linalg.cholesky(G)).to(X.dtype)  # (N, N)
        self.sums = self.inverse.sum(dim=1)  # (N,)
        self.C, self.E = torch.zeros_like(self.inverse), torch.zeros_like(X)
        self.dual_C, self.dual_E = torch.zeros_like(self.C), torch.zeros_like(X)

    def advance(self, looked: bool) -> None:
        """One iteration; looks at its residuals if it shall."""
        X, before = self.problem.X, (self.C, self.E)
        Z = self.linear()
        R = X - Z @ X
        mixed = RELAXATION * Z + (1 - RELAXATION) * self.C
        rest = RELAXATION * R + (1 - RELAXATION) * self.E
        self.C, self.E = self.sparsified(mixed + self.dual_C), self.fitted(rest + self.dual_E)
        self.dual_C += mixed - self.C
        self.dual_E += rest - self.E
        if looked:
            primal = _norm(Z - self.C, R - self.E) / max(_norm(self.C, self.E), TINY)
            moved = _norm(self.C - before[0], self.E - before[1])
            self.residuals = Residuals(primal, moved / max(_norm(self.dual_C, self.dual_E), TINY))

    def linear(self) -> Tensor:
        """Z (N, N): the nearest to both copies, up to their duals."""
        X = self.problem.X
        Z = (RESIDUALS * ((X - self.E + self.dual_E) @ X.T) + self.C - self.dual_C) @ self.inverse
        if self.problem.affine:
            missing = (1 - Z.sum(dim=1)) / self.sums.sum()
            Z += missing[:, None] * self.sums[None, :]
        return Z

    def sparsified(self, M: Tensor) -> Tensor:
        """The copy of Z: soft thresholds, and a diagonal of zeros."""
        bound = 1 / self.penalty
        if self.problem.weights is None:
            found = M - M.clamp(-bound, bound)
        else:
            bounds = self.problem.weights * bound
            found = M - M.clamp(min=-bounds, max=bounds)
        return found.fill_diagonal_(0)

    def fitted(self, R: Tensor) -> Tensor:
        """The residual: thresholded, or a share of it."""
        share = self.problem.fidelity / (RESIDUALS * self.penalty)
        return R - R.clamp(-share, share) if self.problem.outliers else R / (1 + share)

    def rescale(self, factor: float) -> None:
        if factor != 1:
            self.penalty *= factor
            self.dual_C /= factor
            self.dual_E /= factor


def _norm(of_C: Tensor, of_E: Tensor) -> float:
    return float((of_C.square().sum() + RESIDUALS * of_E.square().sum()).sqrt())
