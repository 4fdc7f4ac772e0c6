import numpy as np
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
