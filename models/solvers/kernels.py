"""Kernel matrices of images, and whether they are any."""

import torch
from torch import Tensor

from models.base import Unsuitable

NEGATIVE = 1e-4
"""An eigenvalue below minus this share of the largest is no rounding error."""


def polynomial(X: Tensor, degree: int, offset: float) -> Tensor:
    """(x^T y + offset)^degree of the rows of X (N, D). Shape (N, N).

    Raises:
        Unsuitable: if a negative offset makes it indefinite.
    """
    K = (X @ X.T + offset) ** degree
    if offset < 0:
        values = torch.linalg.eigvalsh(K.double())
        if values[0] < -NEGATIVE * values.abs().max():
            raise Unsuitable(
                f"The polynomial kernel with offset {offset:g} and degree {degree} is not "
                f"positive semi-definite on these images: its eigenvalues reach from "
                f"{values[0]:.3g} to {values[-1]:.3g}. Take an offset of 0 or more."
            )
    return K


def gaussian(X: Tensor, width: float) -> Tensor:
    """exp(-||x - y||^2 / (2 (width s)^2)), s the median distance of two rows. Shape (N, N)."""
    squares = X.square().sum(dim=1)
    distances = (squares[:, None] + squares[None, :] - 2 * (X @ X.T)).clamp_(min=0)
    n = len(X)
    upper = torch.triu_indices(n, n, offset=1, device=X.device)
    median = distances[upper[0], upper[1]].median().clamp(min=torch.finfo(X.dtype).tiny)
    return torch.exp(-distances / (2 * width**2 * median))
