import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from unions import union

from models.base import Unsuitable
from models.solvers import kernels


def test_kernels_agree_with_scikit_learn() -> None:
    X, _ = union()
    found = kernels.polynomial(X, 3, 0.5).numpy()
    assert np.allclose(found, polynomial_kernel(X.numpy(), degree=3, gamma=1, coef0=0.5))
    squares = torch.pdist(X).square()
    median = float(squares.sort().values[(len(squares) - 1) // 2])
    expected = rbf_kernel(X.numpy(), gamma=1 / (2 * 0.5**2 * median))
    assert np.allclose(kernels.gaussian(X, 0.5).numpy(), expected)


def test_what_is_no_kernel_is_refused_with_figures() -> None:
    X, _ = union()
    with pytest.raises(Unsuitable, match=r"offset -1 and degree 3 is not.*from -\d.*offset of 0"):
        kernels.polynomial(X, 3, -1.0)
