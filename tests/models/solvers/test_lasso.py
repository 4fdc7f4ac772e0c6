import numpy as np
import pytest
import torch
from sklearn.linear_model import ElasticNet, Lasso
from torch import Tensor
from unions import close, outside, union

from models.solvers.lasso import lasso


def objective(
    X: Tensor, C: Tensor, penalty: Tensor, ridge: float = 0, weights: Tensor | None = None
) -> Tensor:
    """Of each row (N,)."""
    mass = C.abs() if weights is None else C.abs() * weights
    fit = (X - C @ X).square().sum(dim=1) / 2
    return fit + penalty * mass.sum(dim=1) + ridge / 2 * C.square().sum(dim=1)


def second_opinion(X: Tensor, penalty: Tensor, ridge: float = 0) -> Tensor:
    """scikit-learn's coordinate descent, a column at a time."""
    n, D = X.shape
    C = np.zeros((n, n))
    for i in range(n):
        others = [j for j in range(n) if j != i]
        l1 = float(penalty[i])
        if ridge:
            total = (l1 + ridge) / D
            solver = ElasticNet(
                total, l1_ratio=l1 / (l1 + ridge), fit_intercept=False, tol=1e-12, max_iter=100_000
            )
        else:
            solver = Lasso(l1 / D, fit_intercept=False, tol=1e-12, max_iter=100_000)
        C[i, others] = solver.fit(X[others].T.numpy(), X[i].numpy()).coef_
    return torch.from_numpy(C)


def gap(X: Tensor, C: Tensor, penalty: Tensor) -> Tensor:
    """Duality gap of each row, relative to its objective: the residual, made feasible, is dual."""
    R = X - C @ X
    correlation = (R @ X.T).fill_diagonal_(0).abs().amax(dim=1)
    Y = R * torch.clamp(penalty / correlation, max=1)[:, None]
    dual = (Y * X).sum(dim=1) - Y.square().sum(dim=1) / 2
    primal = objective(X, C, penalty)
    return (primal - dual) / primal


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_gap_is_closed(share: float, noise: float) -> None:
    X, _ = union(noise=noise)
    K = X @ X.T
    penalty = share * K.clone().fill_diagonal_(0).abs().amax(dim=1)
    found = lasso(K, penalty, tolerance=1e-6)
    assert found.converged
    assert found.residual <= 1e-6
    assert gap(X, found.C, penalty).max() < 1e-5
    assert torch.equal(found.C.diagonal(), torch.zeros(len(X)))


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_agrees_with_scikit_learn(ridge: float) -> None:
    X, _ = union(noise=0.05)
    penalty = torch.full((len(X),), 0.05, dtype=torch.double)
    found = lasso(X @ X.T, penalty, ridge=torch.full_like(penalty, ridge), tolerance=1e-8)
    expected = second_opinion(X, penalty, ridge)
    torch.testing.assert_close(found.C, expected, rtol=1e-4, atol=1e-6)


def test_weights_are_the_lasso_of_scaled_atoms() -> None:
    X, _ = union(noise=0.05)
    n = len(X)
    generator = torch.Generator().manual_seed(0)
    weights = 1 + torch.rand(n, n, generator=generator, dtype=torch.double)
    penalty = torch.full((n,), 0.05, dtype=torch.double)
    found = lasso(X @ X.T, penalty, weights=weights, tolerance=1e-8)
    i = 4
    others = [j for j in range(n) if j != i]
    atoms = (X[others] / weights[i, others, None]).T.numpy()
    solver = Lasso(0.05 / X.shape[1], fit_intercept=False, tol=1e-12, max_iter=100_000)
    scaled = solver.fit(atoms, X[i].numpy()).coef_
    expected = torch.from_numpy(scaled) / weights[i, others]
    torch.testing.assert_close(found.C[i, others], expected, rtol=1e-4, atol=1e-6)


def test_single_precision_is_good_to_a_ten_thousandth() -> None:
    X, _ = union(n_subspaces=8, per_subspace=30, ambient=40, noise=0.05)
    K = (X @ X.T).float()
    penalty = torch.full((len(X),), 0.02)
    single = lasso(K, penalty).C.double()
    double = lasso(X @ X.T, penalty.double(), tolerance=1e-8).C
    a, b = (objective(X, C, penalty.double()).sum() for C in (single, double))
    assert abs(float(a / b) - 1) < 1e-4


def test_a_limit_is_told() -> None:
    X, _ = union(n_subspaces=6, per_subspace=40, noise=0.3)
    found = lasso(X @ X.T, torch.full((len(X),), 1e-3, dtype=torch.double), max_rounds=1)
    assert not found.converged
    assert found.residual > 1e-3


def test_queries_are_told_and_twins_and_zeros_do_no_harm() -> None:
    X, _ = union()
    X = torch.cat([X, X[:3], torch.zeros(2, X.shape[1], dtype=X.dtype)])
    steps: list[tuple[int, int]] = []
    penalty = torch.full((len(X),), 0.01, dtype=torch.double)
    found = lasso(X @ X.T, penalty, tell=lambda step, total, **_: steps.append((step, total)))
    assert steps[-1] == (len(X), len(X))
    assert found.converged
    assert torch.isfinite(found.C).all()
    assert found.C[-1].abs().sum() == 0


def test_independent_subspaces_are_recovered_and_close_ones_are_not() -> None:
    X, owner = union()
    penalty = torch.full((len(X),), 1e-3, dtype=torch.double)
    assert outside(lasso(X @ X.T, penalty, tolerance=1e-6).C, owner) < 1e-4
    X, owner = close(angle=0.1)
    penalty = torch.full((len(X),), 0.1, dtype=torch.double)
    assert outside(lasso(X @ X.T, penalty).C, owner) > 0.05
