"""Random unions of subspaces, unlike the images of the other tests: rows in R^D, signs mixed."""

import numpy as np
import torch
from torch import Tensor

from models.base import IntArray


def union(
    n_subspaces: int = 3,
    dimension: int = 3,
    ambient: int = 20,
    per_subspace: int = 15,
    noise: float = 0.0,
    seed: int = 0,
) -> tuple[Tensor, IntArray]:
    """Unit rows (N, ambient) on random subspaces, float64, and which one each lies on."""
    rng = np.random.default_rng(seed)
    bases = [rng.normal(size=(dimension, ambient)) for _ in range(n_subspaces)]
    X = np.concatenate([rng.normal(size=(per_subspace, dimension)) @ basis for basis in bases])
    X += noise * rng.normal(size=X.shape)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return torch.from_numpy(X), np.repeat(np.arange(n_subspaces), per_subspace)


def close(angle: float, per_subspace: int = 20, seed: int = 0) -> tuple[Tensor, IntArray]:
    """Two planes in R^3's fourfold, all of whose principal angles are ``angle``."""
    rng = np.random.default_rng(seed)
    first = np.eye(2, 4)
    second = np.cos(angle) * np.eye(2, 4) + np.sin(angle) * np.eye(2, 4, k=2)
    X = np.concatenate([rng.normal(size=(per_subspace, 2)) @ basis for basis in (first, second)])
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return torch.from_numpy(X), np.repeat([0, 1], per_subspace)


def outside(C: Tensor, owner: IntArray) -> float:
    """The share of the l1 mass of C that joins different subspaces."""
    apart = torch.from_numpy(owner[:, None] != owner[None, :])
    return float(C.abs()[apart].sum() / C.abs().sum())
