"""Leading singular values of matrices that change little from one to the next."""

import torch
from torch import Tensor

RANK = 1e-6
"""Singular values below this share of the largest count as zero."""
SPARE = 16
"""Vectors beyond the rank that the space has, or an eighth of it."""
LARGE = 3
"""A space of more than r / LARGE vectors costs more than all of the decomposition."""


class Leading:
    """Keeps the space of the last matrix's leading right singular vectors."""

    def __init__(self) -> None:
        self.space: Tensor | None = None

    def above(self, M: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
        """Right singular vectors (r, k) of M (N, r) and its values (k,) above ``threshold``."""
        while True:
            right, s = self._decompose(M)
            kept = s > threshold
            rank = int(kept.sum())
            self.space = _widened(right, min(rank + max(SPARE, rank // 8), M.shape[1]))
            if rank < len(s) or len(s) == M.shape[1]:
                return right[:, kept], s[kept]

    def shrink(self, M: Tensor, threshold: float) -> Tensor:
        """Singular value thresholding: that much less of each, none below zero. Shape (N, r)."""
        R, s = self.above(M, threshold)
        return (M @ R * (1 - threshold / s)) @ R.T

    def _decompose(self, M: Tensor) -> tuple[Tensor, Tensor]:
        if self.space is None or LARGE * self.space.shape[1] > M.shape[1]:
            return right_singular(M)
        basis, _ = torch.linalg.qr(M.T @ (M @ self.space))  # (r, k)
        right, s = right_singular(M @ basis)
        return basis @ right, s


def right_singular(M: Tensor) -> tuple[Tensor, Tensor]:
    """Right singular vectors (r, r) and values (r,), descending, from M^T M in float64."""
    values, V = torch.linalg.eigh((M.T @ M).double())
    return V.flip(1).to(M.dtype), values.flip(0).clamp(min=0).sqrt().to(M.dtype)


def decompose(X: Tensor) -> tuple[Tensor, Tensor]:
    """Left singular vectors (N, r) of X (N, D) and its values (r,) that are not zero."""
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    kept = s > RANK * s[0]
    return U[:, kept], s[kept]


def _widened(basis: Tensor, columns: int) -> Tensor:
    """The first vectors of a basis, and random ones after them; always the same."""
    missing = columns - basis.shape[1]
    if missing <= 0:
        return basis[:, :columns]
    generator = torch.Generator(basis.device).manual_seed(columns)
    shape = (len(basis), missing)
    more = torch.randn(shape, generator=generator, dtype=basis.dtype, device=basis.device)
    return torch.cat([basis, more], dim=1)
