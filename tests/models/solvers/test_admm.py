"""SSC's forms that ADMM solves, against linear programs and the lasso's optimality conditions."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor
from unions import outside, union

from models.solvers.admm import Problem, sparse
from models.solvers.lasso import lasso


def solved(problem: Problem) -> Tensor:
    return sparse(problem, 10.0, tolerance=1e-7, max_iterations=10_000).C


def least(problem: Problem, i: int) -> float:
    """The exact minimum of row i with outliers, as a linear program in c+, c-, e+, e-."""
    X = problem.X.numpy()
    others = np.delete(X, i, axis=0).T  # (D, N - 1)
    D, n = others.shape
    weights = np.ones(n) if problem.weights is None else np.delete(problem.weights[i].numpy(), i)
    cost = np.concatenate([weights, weights, np.full(2 * D, problem.fidelity)])
    equal = np.hstack([others, -others, np.eye(D), -np.eye(D)])
    right = X[i]
    if problem.affine:
        sums = np.concatenate([np.ones(n), -np.ones(n), np.zeros(2 * D)])
        equal, right = np.vstack([equal, sums]), np.append(right, 1)
    found = linprog(cost, A_eq=equal, b_eq=right)
    assert found.success
    return float(found.fun)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_outliers_reach_the_linear_programs_minimum(affine: bool, weighted: bool) -> None:
    X, _ = union(per_subspace=8, ambient=12, noise=0.02)
    X[::5, 3] += 1
    weights = None
    if weighted:
        generator = torch.Generator().manual_seed(1)
        weights = 1 + torch.rand(len(X), len(X), generator=generator, dtype=torch.double)
    problem = Problem(X, 2.0, outliers=True, affine=affine, weights=weights)
    C = solved(problem)
    expected = sum(least(problem, i) for i in range(len(X)))
    assert problem.objective(C) == pytest.approx(expected, rel=1e-3)
    if affine:
        assert torch.allclose(C.sum(dim=1), torch.ones(len(X), dtype=C.dtype), atol=1e-4)


def test_the_lasso_agrees_with_the_working_sets() -> None:
    X, _ = union(noise=0.05)
    problem = Problem(X, 50.0)
    C = solved(problem)
    penalty = torch.full((len(X),), 1 / 50, dtype=torch.double)
    expected = lasso(X @ X.T, penalty, tolerance=1e-8).C
    assert problem.objective(C) == pytest.approx(problem.objective(expected), rel=1e-6)
    torch.testing.assert_close(C, expected, rtol=0, atol=1e-3)


def test_the_affine_lasso_satisfies_its_conditions() -> None:
    X, _ = union(noise=0.05)
    problem = Problem(X, 50.0, affine=True)
    C = solved(problem)
    gradient = 50 * (X - C @ X) @ X.T
    used = C.abs() > 1e-4
    for i in range(len(X)):
        multiplier = (gradient[i] - C[i].sign())[used[i]]
        assert multiplier.max() - multiplier.min() < 1e-2
        others = [j for j in range(len(X)) if j != i]
        assert (gradient[i, others] - multiplier.mean()).abs().max() < 1 + 1e-2


def test_outliers_do_not_hide_the_subspaces() -> None:
    X, owner = union(per_subspace=25, ambient=40)
    generator = torch.Generator().manual_seed(0)
    hit = torch.rand(X.shape, generator=generator) < 0.03
    X = torch.where(hit, X + 1.0, X)
    C = solved(Problem(X, 0.7, outliers=True))
    assert outside(C, owner) < 0.1


def test_a_limit_is_told() -> None:
    X, _ = union()
    found = sparse(Problem(X, 5.0), 1.0, tolerance=1e-9, max_iterations=20)
    assert not found.converged
    assert found.iterations == 20
    assert found.residual > 1e-9


@pytest.mark.parametrize("outliers", [False, True])
def test_the_scale_of_the_images_does_not_matter(outliers: bool) -> None:
    X, _ = union(noise=0.05)
    one = Problem(X, 2.0, outliers=outliers)
    other = Problem(100 * X, 2.0 / (100 if outliers else 100**2), outliers=outliers)
    torch.testing.assert_close(solved(one), solved(other), rtol=1e-6, atol=1e-9)
