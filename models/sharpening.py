"""Steps of the post-processing that are the same on any device."""

import torch
from torch import Tensor

from models.hyperparameters import PostProcessing


def directions(M: Tensor) -> Tensor:
    """Rows of M (N, rank) at unit length.

    Rows of zeros stay so: what an eigen-decomposition makes of them is rounding, whose direction
    means nothing.
    """
    lengths = torch.linalg.vector_norm(M, dim=1, keepdim=True)
    noise = torch.finfo(M.dtype).eps * len(M) ** 0.5 * lengths.max()
    unit: Tensor = M * (lengths > noise) / lengths.clamp(min=torch.finfo(M.dtype).tiny)
    return unit


def sharpened(A: Tensor, settings: PostProcessing) -> Tensor:
    """From cosines (N, N), which are lost, to an affinity in [0, 1]."""
    A = A.clamp_(min=0).pow_(settings.power)
    if settings.neighbours is not None:
        A = nearest(A, settings.neighbours)
    A /= A.max().clamp_(min=torch.finfo(A.dtype).tiny)
    return (A + A.T).mul_(0.5)


def nearest(A: Tensor, k: int) -> Tensor:
    """A (N, N) with the k largest entries of each row off the diagonal; zero elsewhere."""
    others = A.clone().fill_diagonal_(-1)
    values, columns = others.topk(min(k, len(A) - 1), dim=1)
    return torch.zeros_like(A).scatter_(1, columns, values)
