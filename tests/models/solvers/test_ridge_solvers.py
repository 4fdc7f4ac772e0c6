import torch
from unions import outside, union

from models.solvers import ridge


def test_the_free_form_has_no_gradient() -> None:
    X, _ = union(noise=0.05)
    C = ridge.unconstrained(X @ X.T, 3.0)
    gradient = C - 3.0 * (X - C @ X) @ X.T
    assert gradient.abs().max() < 1e-10


def test_the_affine_form_has_a_gradient_along_its_constraint_alone() -> None:
    X, _ = union(noise=0.05)
    C = ridge.affine(X @ X.T, 3.0)
    assert torch.allclose(C.sum(dim=1), torch.ones(len(X), dtype=C.dtype))
    gradient = C - 3.0 * (X - C @ X) @ X.T
    assert (gradient - gradient.mean(dim=1, keepdim=True)).abs().max() < 1e-10


def spoiled() -> tuple[torch.Tensor, torch.Tensor, object]:
    """Images, the same with a few pixels far off, and their owners."""
    X, owner = union(per_subspace=40, ambient=60)
    generator = torch.Generator().manual_seed(0)
    hit = torch.rand(X.shape, generator=generator) < 0.02
    return X, torch.where(hit, X + 1, X), owner


def test_with_outliers_neither_part_can_be_better_alone() -> None:
    _, X, _ = spoiled()
    found = ridge.outliers(X, 4.0, 0.4, 1e-9, 2000)
    assert found.converged
    D = found.C @ (X - found.E)
    rest = X - D
    torch.testing.assert_close(found.E, rest - rest.clamp(-0.1, 0.1), rtol=0, atol=1e-6)
    U, s, Vt = torch.linalg.svd(X - found.E, full_matrices=False)
    kept = s > 4.0**-0.5
    torch.testing.assert_close(D, (U[:, kept] * s[kept]) @ Vt[kept], rtol=0, atol=1e-6)


def test_with_outliers_it_is_the_projector_onto_what_is_clean() -> None:
    clean, X, _ = spoiled()
    found = ridge.outliers(X, 4.0, 0.4, 1e-6, 500)
    assert found.converged
    assert found.rank == 9
    torch.testing.assert_close(found.C @ found.C, found.C)
    U, s, _ = torch.linalg.svd(clean, full_matrices=False)
    exact = U[:, s > 1e-9] @ U[:, s > 1e-9].T
    assert (found.C - exact).norm() < 0.1 * exact.norm()
    assert (ridge.unconstrained(X @ X.T, 4.0) - exact).norm() > 0.3 * exact.norm()


def test_independent_subspaces_are_recovered() -> None:
    X, owner = union()
    assert outside(ridge.unconstrained(X @ X.T, 1e6), owner) < 1e-2
