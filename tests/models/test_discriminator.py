"""DASC's discriminator: each term against a loop over its formula, and against differences."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from models.discriminator import (
    Discriminator,
    Sample,
    overlap,
    principal,
    real_cost,
    residuals,
    skew,
)

N_CLUSTERS, R, P, M, F = 3, 2, 7, 5, 4
SIZES = (5, 3, 2)


def points(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def sample() -> Sample:
    """Clusters of different sizes; what pads them is not zero, since it must not count."""
    real = points(N_CLUSTERS, M, P)
    present = torch.arange(M) < torch.tensor(SIZES)[:, None]
    weights = points(N_CLUSTERS, F, M, seed=1) * present[:, None]
    squares = torch.cat([real, weights @ real], dim=1).square().sum(dim=2)
    return Sample(real, weights, squares, present, torch.tensor([4, 3, 1]))


def discriminator() -> Discriminator:
    found = Discriminator(N_CLUSTERS, R, P).double()
    with torch.no_grad():
        found.U.copy_(points(N_CLUSTERS, R, P, seed=2) * 0.5)
    return found


def residual(z: Tensor, basis: Tensor) -> float:
    """||z - U U^T z||^2, U the paper's (p, r)."""
    U = basis.detach().T
    return float((z - U @ (U.T @ z)).square().sum())


def test_residuals_are_those_of_the_projection() -> None:
    shown, U = sample(), discriminator().U.detach()
    real, fake = residuals(shown, U, U @ U.mT)
    for i in range(N_CLUSTERS):
        for j in range(M):
            assert real[i, j].item() == pytest.approx(residual(shown.real[i, j], U[i]))
        for f in range(F):
            z = sum(shown.weights[i, f, j] * shown.real[i, j] for j in range(M))
            assert isinstance(z, Tensor)
            assert fake[i, f].item() == pytest.approx(residual(z, U[i]))


@pytest.mark.parametrize("margin", [0.0, 6.0, 20.0])
def test_the_costs_are_their_formulas(margin: float) -> None:
    shown, D = sample(), discriminator()
    costs = {name: cost.detach() for name, cost in D.costs(shown, margin).items()}
    real, fake = 0.0, 0.0
    for i, (size, kept) in enumerate(zip(SIZES, (4, 3, 1), strict=True)):
        best = sorted(residual(shown.real[i, j], D.U[i]) for j in range(size))[:kept]
        real += sum(best) / kept
        of_fakes = [residual(shown.weights[i, f] @ shown.real[i], D.U[i]) for f in range(F)]
        fake += max(margin - sum(of_fakes) / F, 0)
    assert costs["D_real"].item() == pytest.approx(real / N_CLUSTERS)
    assert costs["D_fake"].item() == pytest.approx(fake / N_CLUSTERS)
    U = D.U.detach()
    pairs = list(itertools.permutations(range(N_CLUSTERS), 2))
    apart = sum(float((U[i] @ U[j].T).square().sum()) for i, j in pairs)
    assert costs["D_overlap"].item() == pytest.approx(apart / len(pairs))
    eye = torch.eye(R, dtype=torch.float64)
    off = sum(float((basis @ basis.T - eye).square().sum()) for basis in U)
    assert costs["D_orthonormality"].item() == pytest.approx(off / N_CLUSTERS)


def test_gradients_agree_with_finite_differences() -> None:
    shown = sample()

    def measured(U: Tensor) -> tuple[Tensor, Tensor]:
        return residuals(shown, U, U @ U.mT)

    def fitted(U: Tensor) -> Tensor:
        return real_cost(measured(U)[0], shown.present, shown.kept)

    U = points(N_CLUSTERS, R, P, seed=2).requires_grad_()
    for cost in (measured, fitted, overlap, lambda U: skew(U @ U.mT)):
        assert torch.autograd.gradcheck(cost, U)


def test_a_cluster_without_images_costs_nothing() -> None:
    present = torch.tensor([[True, True], [False, False]])
    found = real_cost(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), present, torch.tensor([2, 0]))
    assert found == 0.75


def test_features_of_a_subspace_have_no_residual_to_it() -> None:
    V = points(N_CLUSTERS, M, R, seed=3) @ points(N_CLUSTERS, R, P, seed=4)
    U = principal(V, R)
    torch.testing.assert_close(U @ U.mT, torch.eye(R).double().expand(N_CLUSTERS, R, R))
    squares = V.square().sum(dim=2)
    everyone = torch.ones(N_CLUSTERS, M, dtype=torch.bool)
    weights = torch.zeros(N_CLUSTERS, 0, M).double()
    shown = Sample(V, weights, squares, everyone, torch.full((N_CLUSTERS,), M))
    assert residuals(shown, U, U @ U.mT)[0].abs().max() < 1e-12
    for other in range(1, N_CLUSTERS):
        apart = U.roll(other, dims=0)
        assert (residuals(shown, apart, apart @ apart.mT)[0] > 1e-3).all()


def test_bases_are_whole_where_a_cluster_spans_less() -> None:
    V = torch.zeros(2, M, P).double()
    V[0, 0] = points(P)
    U = principal(V, R)
    torch.testing.assert_close(U @ U.mT, torch.eye(R).double().expand(2, R, R))
    assert residual(V[0, 0], U[0]) == pytest.approx(0, abs=1e-12)
