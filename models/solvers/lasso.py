"""Lasso and elastic net of every image on all others at once, on the Gram matrix.

For a query i with penalties lambda_ij and ridge r_i

    min_c 1/2 c^T K c - k_i^T c + sum_j lambda_ij |c_j| + r_i / 2 ||c||^2    s.t. c_i = 0

over a working set of a few atoms, which grows by those that violate the optimality conditions until
none does (the scheme of You et al., Oracle based active set algorithm for scalable elastic net
subspace clustering, CVPR 2016, and of glmnet). A working set is solved for many queries at once by
coordinate descent, ended by Newton steps that stay in the orthant (feature-sign search: Lee et al.,
Efficient sparse coding algorithms, NIPS 2006).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from models.solvers.telling import Tell
from models.thrift import spends

QUERIES, MANY = 512, 2048
"""Solved together: their working sets stay in a CPU's cache; on a GPU."""
FIRST = 16
"""Atoms that a working set begins with."""
GROWTH = 16
"""Least number of violating atoms that join in a round."""
DEPENDENT = 1e-10
"""Share added to the diagonal, so that atoms that depend on each other have a factorisation."""
NEWTON = 3
"""Newton steps after a sweep of coordinate descent, at most: one that turns no sign is the last."""
STEPS = 60
"""Sweeps and Newton steps on a working set at most."""
INNER = 0.2
"""Share of the tolerance to which a working set is solved."""


class Solution(NamedTuple):
    """What a solver found.

    Attributes:
        C: (N, N); row i expresses image i.
        residual: the largest violation of the optimality conditions, relative to the penalty.
        converged: whether it is within the tolerance.
        iterations: how many were needed.
    """

    C: Tensor
    residual: float
    converged: bool
    iterations: int


def lasso(
    K: Tensor,
    penalty: Tensor,
    *,
    weights: Tensor | None = None,
    ridge: Tensor | None = None,
    tolerance: float = 1e-3,
    max_rounds: int = 50,
    max_steps: int = STEPS,
    tell: Tell | None = None,
) -> Solution:
    """Sparse self-expression; see the module.

    Args:
        K: (N, N) Gram or kernel matrix, positive semi-definite.
        penalty: (N,) of each query, positive.
        weights: (N, N) factors of the penalty; 1 everywhere if None.
        ridge: (N,) r_i, not negative.
        tolerance: of the violation, as a share of the penalty.
        max_rounds: working sets of a query at most.
        max_steps: sweeps and Newton steps on each at most.
        tell: hears how many queries of all are done.
    """
    n = len(K)
    C = torch.zeros_like(K)
    worst, rounds = 0.0, 0
    together = MANY if spends(K) else QUERIES
    for begin in range(0, n, together):
        rows = slice(begin, min(begin + together, n))
        part = Queries(
            K,
            torch.arange(n, device=K.device)[rows],
            penalty[rows],
            None if weights is None else weights[rows],
            None if ridge is None else ridge[rows],
        )
        violation, needed = part.solve(tolerance, max_rounds, max_steps)
        C[rows] = part.C
        worst, rounds = max(worst, violation), max(rounds, needed)
        if tell is not None:
            tell(rows.stop, n, residual=worst)
    return Solution(C, worst, worst <= tolerance, rounds)


class Queries:
    """Some rows of the problem, and the coefficients found so far."""

    def __init__(
        self, K: Tensor, own: Tensor, penalty: Tensor, weights: Tensor | None, ridge: Tensor | None
    ) -> None:
        self.K, self.own = K, own
        self.C = torch.zeros(len(own), len(K), dtype=K.dtype, device=K.device)
        self.bounds = penalty[:, None] if weights is None else penalty[:, None] * weights
        self.penalty = penalty
        self.ridge = torch.zeros_like(penalty) if ridge is None else ridge

    def solve(self, tolerance: float, max_rounds: int, max_steps: int) -> tuple[float, int]:
        """Returns the largest relative violation and the rounds that it took."""
        left = torch.arange(len(self.own), device=self.K.device)
        worst = 0.0
        for done in range(max_rounds + 1):
            excess = self.excess(left)  # (B, N)
            violation = excess.amax(dim=1) / self.penalty[left]
            open_ = violation > tolerance
            worst = float(violation.max()) if len(left) else 0.0
            if not open_.any():
                return worst, done
            if done < max_rounds:
                left = left[open_]
                self.improve(left, excess[open_], tolerance, max_steps)
        return worst, max_rounds

    def excess(self, rows: Tensor) -> Tensor:
        """By how much each atom (B, N) violates the conditions of the queries ``rows``."""
        C = self.C[rows]
        gradient = self.K[self.own[rows]] - C @ self.K - self.ridge[rows, None] * C
        bounds = self.bounds[rows]
        zero = C == 0
        found = torch.where(zero, gradient.abs() - bounds, (gradient - bounds * C.sign()).abs())
        found.scatter_(1, self.own[rows, None], 0)
        return found.clamp_(min=0)

    def improve(self, rows: Tensor, excess: Tensor, tolerance: float, max_steps: int) -> None:
        """Solve the queries on the atoms that they use and those that violate most."""
        C = self.C[rows]
        priority = torch.where(C != 0, torch.inf, excess)
        used = (C != 0).sum(dim=1)
        sizes = (used + torch.clamp(used // 4, min=GROWTH)).clamp(max=len(self.K))
        sizes = FIRST * -(-sizes // FIRST)
        for size in sizes.unique().tolist():
            of_size = (sizes == size).nonzero()[:, 0]
            S = priority[of_size].topk(min(size, len(self.K)), dim=1).indices  # (B, m)
            small = Restricted(self, rows[of_size], S, C[of_size].gather(1, S))
            solved = small.solve(tolerance * INNER, max_steps).to(C.dtype)
            self.C[rows[of_size]] = torch.zeros_like(C[of_size]).scatter_(1, S, solved)


class Restricted:
    """Many small problems, of B queries on m atoms each, in double precision."""

    def __init__(self, whole: Queries, rows: Tensor, S: Tensor, c: Tensor) -> None:
        own = whole.own[rows]
        bounds = whole.bounds[rows]
        bounds = bounds.gather(1, S) if bounds.shape[1] > 1 else bounds.expand(S.shape)
        self.c = c.double()  # (B, m)
        self.K = whole.K[S[:, :, None], S[:, None, :]].double()  # (B, m, m)
        self.K.diagonal(dim1=1, dim2=2).add_(whole.ridge[rows, None])
        self.k = whole.K[own].gather(1, S).double()  # (B, m)
        self.bounds = bounds.double().masked_fill(own[:, None] == S, torch.inf)
        self.scale = whole.penalty[rows].double()

    def solve(self, tolerance: float, max_steps: int) -> Tensor:
        """Sweeps and Newton steps until every query is solved to ``tolerance``. Returns (B, m)."""
        solved, left = self.c.clone(), torch.arange(len(self.c), device=self.c.device)
        for _ in range(max_steps):
            self.sweep()
            turned = self.newton()
            for _ in range(1, NEWTON):
                if len(turned):
                    turned = self.newton(turned)
            open_ = self.violation() > tolerance * self.scale
            solved[left] = self.c
            if not open_.any():
                break
            left = left[open_]
            self.keep(open_)
        return solved

    def keep(self, rows: Tensor) -> None:
        """Leave out the queries that are solved."""
        self.c, self.K, self.k = self.c[rows], self.K[rows], self.k[rows]
        self.bounds, self.scale = self.bounds[rows], self.scale[rows]

    def sweep(self) -> None:
        """Coordinate descent over all atoms, once."""
        by_atom = self.K.transpose(0, 1).contiguous()  # (m, B, m)
        diagonal = self.K.diagonal(dim1=1, dim2=2).T.contiguous()  # (m, B)
        diagonal = diagonal.clamp(min=torch.finfo(torch.double).tiny)
        gradient = self.gradient()
        bounds = self.bounds.T.contiguous()
        c = self.c.T.contiguous()
        for s, K in enumerate(by_atom):
            z = gradient[:, s] + diagonal[s] * c[s]
            new = (z - z.clamp(-bounds[s], bounds[s])) / diagonal[s]
            gradient.addcmul_(K, (c[s] - new)[:, None])
            c[s] = new
        self.c = c.T.contiguous()

    def newton(self, rows: Tensor | None = None) -> Tensor:
        """To the minimum of the orthant, or as far towards it as the objective falls.

        What would change sign becomes zero: all of it if that is better, else the first of it.

        Args:
            rows: of the queries that take part; all if None.

        Returns:
            rows of those for which something did, so that they are at no minimum yet.
        """
        c, K, k, bounds = self.c, self.K, self.k, self.bounds
        if rows is not None:
            c, K, k, bounds = c[rows], K[rows], k[rows], bounds[rows]
        sign = c.sign()
        used = sign != 0
        M = torch.where(used[:, :, None] & used[:, None, :], K, 0.0)
        M.diagonal(dim1=1, dim2=2).mul_(1 + DEPENDENT).add_((~used).double())
        factor, failed = torch.linalg.cholesky_ex(M)
        right = torch.where(used, k - bounds.where(used, 0) * sign, 0.0)
        goal = torch.cholesky_solve(right[:, :, None], factor)[:, :, 0]
        turning = (goal * sign < 0).any(dim=1).nonzero()[:, 0]
        if len(turning):
            parts = (part[turning] for part in (c, goal, M, right))
            goal[turning] = self.shortened(*parts)
        found = torch.where((failed == 0)[:, None], goal, c)
        if rows is None:
            self.c = found
            return turning
        self.c[rows] = found
        return rows[turning]

    def shortened(self, c: Tensor, goal: Tensor, M: Tensor, right: Tensor) -> Tensor:
        """What is taken instead of a goal with other signs than c, all of shape (B, m)."""
        turns = goal * c.sign() < 0
        cut = goal.masked_fill(turns, 0)
        step, first = torch.where(turns, c / (c - goal), 1.0).min(dim=1)
        short = c + step[:, None] * (goal - c)
        reached = torch.arange(short.shape[1], device=short.device) == first[:, None]
        short = short.masked_fill(reached & turns, 0)
        better = self.objective(cut, M, right) <= self.objective(short, M, right)
        return torch.where(better[:, None], cut, short)

    @staticmethod
    def objective(c: Tensor, M: Tensor, right: Tensor) -> Tensor:
        """Of coefficients (B, m) in the orthant; shape (B,)."""
        return (c * (torch.bmm(M, c[:, :, None])[:, :, 0] / 2 - right)).sum(dim=1)

    def gradient(self) -> Tensor:
        """K - K c (B, m)."""
        return self.k - torch.bmm(self.K, self.c[:, :, None])[:, :, 0]

    def violation(self) -> Tensor:
        """The largest of each query's atoms (B,)."""
        gradient = self.gradient()
        zero = (gradient.abs() - self.bounds).clamp(min=0)
        used = (gradient - self.bounds * self.c.sign()).abs()
        return torch.where(self.c == 0, zero, used).amax(dim=1)
