"""DASC (Zhou, Hou, Feng, CVPR 2018): a discriminator of subspaces beside the costs of DSC-Net.

In each epoch with labels, the discriminator D takes some steps on the present features and on
fakes, combinations of the features of one cluster; then the network takes its own on

    gamma0 L0 + gamma1 L1 + gamma2 L2 + gamma5 L5,

where L5 is the residual of the fakes: what D's subspaces leave of them.
"""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.adam import Adam
from models.checkpointing import (
    Arrays,
    load_module,
    load_optimiser,
    module_arrays,
    optimiser_arrays,
)
from models.discriminator import Discriminator, Sample, residuals
from models.methods.dasc import DASC
from models.network import Network
from models.objective import Costs, Objective
from models.sizes import fakes, members, subspace_dimension

PREFIX, MOMENTS = "discriminator.", "discriminator.optimiser"
EPOCHS = 2**20
"""More than a run has: the draws of each epoch of each seed have a stream of their own."""
BLACK = 1e-12
"""Least length that fakes are divided by, as in ``F.normalize``."""


class Crowd(NamedTuple):
    """Which images belong to each of n clusters.

    Attributes:
        images: (n, M) their numbers, padded.
        present: (n, M) where there is one.
        sizes: (n,) how many.
    """

    images: Tensor
    present: Tensor
    sizes: Tensor


class Adversarial(Objective):
    """The costs of DSC-Net and L5; the discriminator is trained on the way."""

    settings: DASC
    recordable: ClassVar[bool] = False

    def __init__(self, settings: DASC, network: Network, X: Tensor, seed: int) -> None:
        """``settings`` are resolved; the discriminator waits for the first labels."""
        super().__init__(settings, network, X)
        g, n = settings, network.n_clusters
        self.seed, self.gamma["L5"] = seed, settings.gamma5 or 0.0
        self.weights = dict.fromkeys(("D_real", "D_fake"), 1.0)
        self.weights |= {"D_overlap": g.beta1, "D_orthonormality": g.beta2}
        self.remedies |= dict.fromkeys(("D", "D_real", "D_fake"), "discriminator_rate")
        self.remedies |= {"L5": "gamma5", "D_overlap": "beta1", "D_orthonormality": "beta2"}
        p = prod(network.encoder.top)
        r = subspace_dimension(settings.subspace_dimension or 1, len(X), n, p)
        self.discriminator = Discriminator(n, r, p).to(X.device, X.dtype)
        self.optimiser = Adam(([self.discriminator.U], settings.discriminator_rate))

    def on_features(self, Z: Tensor, Q: Tensor | None) -> tuple[Costs, Tensor]:
        """As without a discriminator, and its costs and L5 where there are labels Q (N, n)."""
        costs, dZ = super().on_features(Z, Q)
        if Q is None or not self.gamma["L5"]:
            return costs, dZ
        crowd, alpha = self._draw(Q)
        leaf = Z[crowd.images].requires_grad_()
        sample = self._show(leaf, crowd, alpha)
        costs |= self._discriminate(Sample(*(part.detach() for part in sample)))
        costs |= self._follow(L5=self.fakes(sample) * self._unit(Z))
        assert leaf.grad is not None  # noqa: S101 - of what just went backward
        return costs, dZ.index_add(0, crowd.images.flatten(), leaf.grad.flatten(0, 1))

    def _draw(self, Q: Tensor) -> tuple[Crowd, Tensor]:
        """This epoch's images, and weights (n, F, M) of its fakes: uniform, 0 for padding."""
        place = int(self.discriminator.played)
        stream = torch.Generator().manual_seed(self.seed * EPOCHS + place)
        crowd = by_cluster(Q, members(*Q.shape), stream)
        n, size = crowd.images.shape
        alpha = torch.rand(n, fakes(*Q.shape), size, generator=stream, dtype=Q.dtype)
        return crowd, alpha.to(Q.device) * crowd.present[:, None]

    def _show(self, features: Tensor, crowd: Crowd, alpha: Tensor) -> Sample:
        """Images and fakes at unit length, from features (n, M, p)."""
        real = features if self.relative else F.normalize(features, dim=2)
        weights, lengths = scaled(alpha, real)
        squares = torch.cat([real.detach().norm(dim=2).square(), lengths], dim=1)
        kept = (self.settings.real_share * crowd.sizes).round().long().clamp(min=1)
        return Sample(real, weights, squares, crowd.present, kept.minimum(crowd.sizes))

    def fakes(self, sample: Sample) -> Tensor:
        """Mean residual of the fakes, each measured by its own cluster's subspace."""
        U = self.discriminator.U.detach()
        return residuals(sample, U, U @ U.mT)[1].mean()

    def _unit(self, Z: Tensor) -> float | Tensor:
        """What L5 is counted in, as L2 is: N, times the mean ||z||^2 where costs are sums."""
        return len(Z) if self.relative else Z.square().sum()

    def _discriminate(self, sample: Sample) -> Costs:
        """The discriminator's steps; its costs before the last of them."""
        if not self.discriminator.played:
            self.discriminator.span(sample.real * sample.present[:, :, None])
        self.discriminator.played += 1
        for _ in range(self.settings.discriminator_steps):
            self.discriminator.U.grad = None
            costs = self.discriminator.costs(sample, self.settings.margin)
            costs["D"] = torch.stack([w * costs[name] for name, w in self.weights.items()]).sum()
            costs["D"].backward()
            self.optimiser.step()
        return {name: cost.detach() for name, cost in costs.items()}

    def save(self) -> Arrays:
        """The bases, their moments, and the place in the stream of draws."""
        return module_arrays(self.discriminator, PREFIX) | optimiser_arrays(MOMENTS, self.optimiser)

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        load_module(self.discriminator, arrays, PREFIX)
        load_optimiser(MOMENTS, self.optimiser, arrays)


def by_cluster(Q: Tensor, most: int, stream: torch.Generator) -> Crowd:
    """The images of each cluster of Q (N, n); of one larger than ``most``, a random part."""
    labels = Q.argmax(dim=1)
    order = torch.randperm(len(labels), generator=stream).to(labels.device)
    order = order[labels[order].argsort(stable=True)]
    owners, counts = labels[order], Q.sum(dim=0).long()
    place = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[owners]
    size, seen = min(int(counts.max()), most), place < most
    index = order.new_zeros(len(counts), size)
    index[owners[seen], place[seen]] = order[seen]
    counts = counts.clamp(max=size)
    return Crowd(index, torch.arange(size, device=order.device) < counts[:, None], counts)


def scaled(alpha: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (n, F, M) with which the sums alpha_j z_j of features (n, M, p) have unit length.

    And their squared lengths (n, F): 1, or 0 of sums of black images alone.
    """
    lengths = (alpha @ real).norm(dim=2)
    return alpha / lengths.clamp(min=BLACK)[:, :, None], (lengths > 0).to(real.dtype)
