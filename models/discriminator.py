"""DASC's discriminator (Zhou, Hou, Feng, CVPR 2018): a subspace for each cluster, and its costs."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Costs = dict[str, Tensor]


class Sample(NamedTuple):
    """What the discriminator is shown of n clusters, all of them at once.

    Fakes are combinations of a cluster's features, ``weights @ real``; they are not stored.

    Attributes:
        real: (n, M, p) features of each cluster's images; what is behind the last does not count.
        weights: (n, F, M) of the fakes.
        squares: (n, M + F) squared lengths of images and fakes.
        present: (n, M) where there is an image.
        kept: (n,) how many of a cluster's images count: those that its subspace fits best.
    """

    real: Tensor
    weights: Tensor
    squares: Tensor
    present: Tensor
    kept: Tensor


class Discriminator(nn.Module):
    """The bases of n subspaces, and in how many epochs they were trained.

    Basis vectors are rows, so U[i] (r, p) is the paper's U_i transposed.
    """

    played: Tensor

    def __init__(self, n_clusters: int, dimension: int, p: int) -> None:
        """Bases of zeros, until ``span`` is called."""
        super().__init__()
        self.U = nn.Parameter(torch.zeros(n_clusters, dimension, p))
        self.register_buffer("played", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def span(self, V: Tensor) -> None:
        """Take the r main directions of each cluster's features (n, M, p)."""
        self.U.copy_(principal(V, self.U.shape[1]))

    def costs(self, sample: Sample, margin: float) -> Costs:
        """What D minimises, by name and without weights: means over clusters, or over their pairs.

        ``margin`` is eps, the residual from which on a cluster's fakes cost nothing.
        """
        inner = self.U @ self.U.mT  # (n, r, r)
        real, fake = residuals(sample, self.U, inner)
        return {
            "D_real": real_cost(real, sample.present, sample.kept),
            "D_fake": (margin - fake.mean(dim=1)).relu().mean(),
            "D_overlap": overlap(self.U),
            "D_orthonormality": skew(inner),
        }


def residuals(sample: Sample, U: Tensor, inner: Tensor) -> tuple[Tensor, Tensor]:
    """Projection residuals ||z - U_i U_i^T z||^2 of images (n, M) and fakes (n, F) by U (n, r, p).

    As ||z||^2 - 2 ||U_i^T z||^2 + ||U_i U_i^T z||^2. The last is made from U_i^T U_i, ``inner``
    (n, r, r), and U_i^T z of a fake from the images': the features are read once.
    """
    of_images = U @ sample.real.mT  # (n, r, M)
    H = torch.cat([of_images, of_images @ sample.weights.mT], dim=2)  # (n, r, M + F)
    found = sample.squares + (H * (inner @ H - 2 * H)).sum(dim=1)
    seen = of_images.shape[2]
    return found[:, :seen], found[:, seen:]


def real_cost(found: Tensor, present: Tensor, kept: Tensor) -> Tensor:
    """Mean over clusters of the mean of the ``kept`` smallest of the residuals found (n, M)."""
    ordered = found.masked_fill(~present, torch.inf).sort(dim=1).values
    counted = torch.arange(found.shape[1], device=kept.device) < kept[:, None]
    means = ordered.where(counted, 0).sum(dim=1) / kept.clamp(min=1)
    return means.mean()


def overlap(U: Tensor) -> Tensor:
    """Mean over pairs of ||U_i^T U_j||_F^2, for bases (n, r, p); can be differentiated once."""
    n, r, _ = U.shape
    total: Tensor = _Overlap.apply(U.flatten(0, 1), r)  # type: ignore[no-untyped-call]
    return total / (n * (n - 1))


def skew(inner: Tensor) -> Tensor:
    """Mean over clusters of ||U_i^T U_i - I||_F^2, for U_i^T U_i (n, r, r)."""
    n, r, _ = inner.shape
    eye = torch.eye(r, dtype=inner.dtype, device=inner.device)
    return (inner - eye).square().sum() / n


class _Overlap(torch.autograd.Function):
    """||K||_F^2 of the inner products K of rows, but for those within blocks of r rows.

    Its gradient is 4 K rows; autograd would multiply twice for it.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, r: int) -> Tensor:
        K = rows @ rows.T
        K.view(len(rows) // r, r, -1, r).diagonal(dim1=0, dim2=2).zero_()
        ctx.save_for_backward(K, rows)
        return K.square().sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, D: Tensor) -> tuple[Tensor, None]:
        K, rows = ctx.saved_tensors
        return 4 * D * (K @ rows), None


def principal(V: Tensor, dimension: int) -> Tensor:
    """Orthonormal rows (n, r, p), main directions of features (n, M, p), for r <= M and p.

    From the features' inner products, M x M. Where a cluster spans less than r dimensions, QR
    fills up with others.
    """
    _, E = torch.linalg.eigh(V @ V.mT)
    directions = V.mT @ E[:, :, -dimension:].flip(2)
    Q: Tensor = torch.linalg.qr(directions).Q
    return Q.mT
