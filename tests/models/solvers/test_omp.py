import numpy as np
import pytest
import torch
from sklearn.linear_model import orthogonal_mp_gram
from unions import close, outside, union

from models.solvers.omp import matching_pursuit


@pytest.mark.parametrize("atoms", [1, 3, 7])
def test_agrees_with_scikit_learn(atoms: int) -> None:
    X, _ = union(noise=0.1)
    K = X @ X.T
    C = matching_pursuit(K, atoms, 0.0)
    for i in range(len(X)):
        others = [j for j in range(len(X)) if j != i]
        G = K[others][:, others].numpy()
        expected = orthogonal_mp_gram(G, K[i, others].numpy(), n_nonzero_coefs=atoms)
        assert np.allclose(C[i, others].numpy(), expected, atol=1e-6)
        assert C[i, i] == 0


def test_the_residual_is_orthogonal_to_what_was_taken() -> None:
    X, _ = union(noise=0.1)
    C = matching_pursuit(X @ X.T, 5, 0.0)
    inner = (X - C @ X) @ X.T
    assert inner[C != 0].abs().max() < 1e-7


def test_an_image_that_is_explained_takes_no_more() -> None:
    X, owner = union(dimension=3)
    C = matching_pursuit(X @ X.T, 10, 1e-6)
    assert (C != 0).sum(dim=1).max() <= 3
    assert outside(C, owner) < 1e-6


def test_close_subspaces_are_mixed() -> None:
    X, owner = close(angle=0.05)
    assert outside(matching_pursuit(X @ X.T, 1, 0.0), owner) > 0.1


def test_no_more_atoms_than_there_are_and_zeros_stay_zero() -> None:
    X = torch.cat([torch.eye(3, dtype=torch.double), torch.zeros(1, 3, dtype=torch.double)])
    C = matching_pursuit(X @ X.T, 10, 1e-6)
    assert torch.isfinite(C).all()
    assert C[-1].abs().sum() == 0
