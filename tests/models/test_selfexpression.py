import numpy as np
import pytest
import torch

from models.selfexpression import closed_form


def test_closed_form_solves_the_constrained_ridge_problem_row_by_row() -> None:
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(12, 5))
    C = closed_form(torch.from_numpy(Z), 0.7).numpy()
    for i in range(12):
        others = [j for j in range(12) if j != i]
        D = Z[others]
        expected = np.linalg.solve(D @ D.T + 0.7 * np.eye(11), D @ Z[i])
        assert np.allclose(C[i, others], expected)
    assert np.array_equal(np.diagonal(C), np.zeros(12))


@pytest.mark.parametrize("ridge", [1e-6, 0.03, 30.0])
def test_few_features_take_a_shorter_way_to_the_same(ridge: float) -> None:
    Z = torch.randn(90, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    G = Z @ Z.T + ridge * torch.eye(90, dtype=torch.float64)
    D = torch.linalg.inv(G)
    expected = (-D / D.diagonal()[:, None]).fill_diagonal_(0)
    torch.testing.assert_close(closed_form(Z, ridge), expected, rtol=1e-6, atol=1e-8)
