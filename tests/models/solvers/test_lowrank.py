import pytest
import torch
from unions import close, outside, union

from models.solvers import shrinkage
from models.solvers.leading import Leading
from models.solvers.lowrank import low_rank


@pytest.mark.parametrize("penalty", [0.3, 1.0, 3.0])
def test_lrr_is_within_its_gap_of_the_minimum(penalty: float) -> None:
    X, _ = union(noise=0.05)
    found = low_rank(X, penalty, tolerance=1e-5)
    assert found.converged
    assert -1e-9 <= found.residual <= 1e-5
    errors = torch.linalg.vector_norm(X - found.C @ X, dim=1).sum()
    objective = torch.linalg.svdvals(found.C).sum() + penalty * errors
    assert float(objective) == pytest.approx(found.objective, rel=1e-6)


def test_the_gap_tells_of_a_run_that_was_ended() -> None:
    X, _ = union(noise=0.05)
    found = low_rank(X, 1.0, tolerance=1e-9, max_iterations=3)
    assert not found.converged
    assert found.residual > 0.01


def test_lrr_of_clean_images_is_the_shape_interaction_matrix() -> None:
    X, owner = union()
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    U = U[:, s > 1e-9]
    C = low_rank(X, 1e4, tolerance=1e-7, max_iterations=5000).C
    torch.testing.assert_close(C, U @ U.T, rtol=0, atol=1e-4)
    assert outside(C, owner) < 1e-3


def test_lrr_bears_corrupted_images() -> None:
    X, owner = union(per_subspace=25, ambient=40)
    X[::10] += torch.randn(X[::10].shape, generator=torch.Generator().manual_seed(0)).double()
    clean = [i for i in range(len(X)) if i % 10]
    C = low_rank(X, 0.5).C[clean][:, clean]
    assert outside(C, owner[clean]) < 0.15


def test_low_rank_methods_mix_close_subspaces() -> None:
    X, owner = close(angle=0.1)
    assert outside(low_rank(X, 1.0).C, owner) > 0.3


def test_a_space_that_is_kept_gives_the_exact_thresholding() -> None:
    generator = torch.Generator().manual_seed(0)
    M = torch.randn(60, 40, generator=generator, dtype=torch.double) @ torch.diag(
        0.8 ** torch.arange(40, dtype=torch.double)
    )
    leading = Leading()
    for step in range(30):
        M = M + 0.01 * 0.5**step * torch.randn(60, 40, generator=generator, dtype=torch.double)
        found = leading.shrink(M, 1.0)
    U, s, Vt = torch.linalg.svd(M, full_matrices=False)
    torch.testing.assert_close(found, (U * (s - 1).clamp(min=0)) @ Vt, rtol=0, atol=1e-3)


def test_lrsc_relaxed_is_the_minimum() -> None:
    X, _ = union(noise=0.05)
    tau = 30.0

    def cost(C: torch.Tensor) -> float:
        return float(torch.linalg.svdvals(C).sum() + tau / 2 * (X - C @ X).square().sum())

    C = shrinkage.relaxed(X, tau)
    assert torch.allclose(C, C.T)
    generator = torch.Generator().manual_seed(0)
    for size in (1e-1, 1e-2, 1e-3):
        for _ in range(20):
            other = torch.randn(C.shape, generator=generator, dtype=C.dtype)
            assert cost(C) <= cost(C + size * (other + other.T)) + 1e-9


@pytest.mark.parametrize(("tau", "alpha"), [(10.0, 5.0), (1.0, 0.2), (100.0, 400.0)])
def test_clean_singular_values_are_the_best_of_a_fine_grid(tau: float, alpha: float) -> None:
    s = torch.tensor([0.05, 0.2, 0.5, 1.0, 3.0], dtype=torch.double)
    found = shrinkage.clean(s, tau, alpha)
    for value, noisy in zip(found.tolist(), s.tolist(), strict=True):
        grid = torch.linspace(0, noisy, 200_001, dtype=torch.double)[:, None]
        costs = shrinkage._cost(grid, torch.tensor([[noisy]]), tau, alpha)
        own = shrinkage._cost(torch.tensor([[value]]), torch.tensor([[noisy]]), tau, alpha)
        assert float(own) <= float(costs.min()) + 1e-6


def test_lrsc_without_noise_or_outliers_is_the_relaxed_form() -> None:
    X, owner = union()
    tau = 1e4
    noisy = shrinkage.noisy(X, tau, 1e9)
    torch.testing.assert_close(noisy, shrinkage.relaxed(X, tau), rtol=0, atol=1e-3)
    robust = shrinkage.outliers(X, tau, 1e6, 1e9, tolerance=1e-9, max_iterations=50)
    assert robust.converged
    assert outside(robust.C, owner) < 1e-2
