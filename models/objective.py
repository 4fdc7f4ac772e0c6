"""Eq. 7 of Zhang et al., CVPR 2019: the costs of an epoch and their gradients.

The costs are those of ``models.losses``. The gradient is autograd's, but taken in pieces: decoder
and L2 chunk by chunk of images, so that one chunk's feature maps exist at a time; L1 and L3 by
blocks of rows of C, so that no N x N matrix is made beside C and its gradient. Where the pieces
meet, with R = Z - C Z,

    D     = gamma0 dL0/d(CZ) - gamma2 R                                              (N, p)
    dL/dC = D Z^T + gamma1 dL1/dC + gamma3 sign(C) (1 - Q Q^T)                       (N, N)
    dL/dZ = C^T D + gamma2 R + gamma4 dL4/dZ                                         (N, p)
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models import losses
from models.checkpointing import Arrays
from models.hyperparameters import Norm
from models.methods.s2convscn import S2ConvSCN
from models.network import Network, chunk
from models.products import product
from models.thrift import spends

DARK = 1e-12
"""Least ||X||^2 that relative costs divide by: all-black images cost nothing, not infinity."""
ROWS, WIDE_ROWS = 64, 2048
"""Rows of C that are penalised together: what is made of them stays in a CPU's cache; on a GPU."""
Costs = dict[str, Tensor]


def seen_features(settings: S2ConvSCN, Z: Tensor) -> Tensor:
    """What self-expression and head see of the encoder's output (N, p)."""
    return F.normalize(Z) if settings.cost_scale == "relative" else Z


class _Given(torch.autograd.Function):
    """Zero, with given gradients by some tensors.

    ``torch.autograd.backward`` takes gradients, too, but loads an algebra system to compare shapes.
    """

    @staticmethod
    def forward(ctx: Any, gradients: list[Tensor], *tensors: Tensor) -> Tensor:
        ctx.gradients = gradients
        return tensors[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor | None, ...]:
        return None, *ctx.gradients


class Objective:
    """gamma0 L0 + gamma1 L1 + gamma2 L2 + gamma3 L3 + gamma4 L4 of a network on its images."""

    recordable: ClassVar[bool] = True
    """Whether an epoch draws nothing and decides nothing, so that a GPU can repeat it."""

    def __init__(self, settings: S2ConvSCN, network: Network, X: Tensor) -> None:
        """``settings`` are resolved; X is (N, channels, H, W), scaled as they say."""
        g = settings
        self.settings, self.network, self.X = settings, network, X
        weights = (g.gamma0, g.gamma1, g.gamma2, g.gamma3, g.gamma4)
        self.gamma = {f"L{i}": weight or 0.0 for i, weight in enumerate(weights)}
        self.remedies = {name: f"gamma{name[1]}" for name in self.gamma}
        self.relative = settings.cost_scale == "relative"
        self.share = len(X) / X.square().sum().clamp(min=DARK) if self.relative else 1.0

    def features(self, Z: Tensor) -> Tensor:
        """What self-expression and head see of the encoder's output (N, p)."""
        return seen_features(self.settings, Z)

    def differentiate(self, Q: Tensor | None) -> Costs:
        """Set the gradient of every parameter that has a part in the weighted sum.

        Args:
            Q: (N, n) one-hot pseudo-labels, or None before there are any.

        Returns:
            L0 to L2 and, with Q, L3 and L4; ``C_l1``, which is ||C||_1. Costs without weight are
            shown and not followed; L4 without weight is not computed.
        """
        for parameter in self.network.parameters():
            parameter.grad = None
        size = chunk(self.X)
        outputs = [self.network.encoder(x) for x in self.X.split(size)]
        parts = [self.features(output) for output in outputs]
        norms = [z.norm(dim=1, keepdim=True) for z in outputs] if self.relative else []
        lengths = [_leaf(norm, torch.zeros_like(norm)) for norm in norms]
        Z = torch.cat(parts).detach()  # (N, p)
        further, dZ = self.on_features(Z, Q)
        C = self.network.C
        with torch.no_grad():
            D = self.network.expression(Z)  # (N, p)
            costs = self._reconstruct(Z, D, lengths, dZ)
            dZ += product(C.T, D)  # before C has a gradient: it may need a copy of C for a while
            C.grad = product(D, Z.T)  # (N, N)
        costs |= penalise(C, C.grad, Q, self.gamma, self.settings.norm) | further
        gradients = [*dZ.split(size), *(length.grad for length in lengths)]
        given: Tensor = _Given.apply(gradients, *parts, *norms)  # type: ignore[no-untyped-call]
        given.backward()
        return costs

    def on_features(self, Z: Tensor, Q: Tensor | None) -> tuple[Costs, Tensor]:
        """What is charged to the features alone, and its share of the gradient by Z (N, p).

        That is L4, if it is to be followed.
        """
        if Q is None or not self.gamma["L4"]:
            return {}, torch.zeros_like(Z)
        self.network.head.adjust(Z)
        leaf = Z.detach().requires_grad_()
        Y = self.network.head(leaf)  # (N, n)
        L4 = losses.L4(Y, Q, self.settings.tau, self.settings.head_loss)
        costs = self._follow(L4=L4 * len(Z) if self.relative else L4)
        assert leaf.grad is not None  # noqa: S101 - of what just went backward
        return costs, leaf.grad

    def _reconstruct(self, Z: Tensor, CZ: Tensor, lengths: list[Tensor], dZ: Tensor) -> Costs:
        """L0 and L2; CZ (N, p) becomes their gradient by it, dZ (N, p) gains that of L2 by Z."""
        found = []
        chunks = zip(*(t.split(chunk(Z)) for t in (self.X, Z, CZ, dZ)), strict=True)
        for i, (x, z, cz, dz) in enumerate(chunks):
            R = z - cz
            L0, gradient = self._decode(x, cz, lengths[i] if lengths else None)
            dz.add_(R, alpha=self.gamma["L2"])
            torch.sub(gradient, R, alpha=self.gamma["L2"], out=cz)
            found.append(L0 | {"L2": 0.5 * R.square().sum()})
        return _sum(found)

    @torch.enable_grad()
    def _decode(self, x: Tensor, cz: Tensor, length: Tensor | None) -> tuple[Costs, Tensor]:
        """L0 of some images, and its weighted gradient by their part of C Z."""
        leaf = cz.detach().requires_grad_()
        X_hat = self.network.decoder(leaf if length is None else leaf * length)
        L0 = self._follow(L0=losses.L0(x, X_hat) * self.share)
        return L0, torch.zeros_like(cz) if leaf.grad is None else leaf.grad

    def save(self) -> Arrays:
        """What has been learnt here and not by the network: nothing."""
        return {}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take up what ``save`` gave, from among a state's arrays."""

    def _follow(self, **costs: Tensor) -> Costs:
        """Backpropagate the weighted sum of those that have a weight; return all, detached."""
        terms = [self.gamma[name] * cost for name, cost in costs.items() if self.gamma[name]]
        if terms:
            torch.stack(terms).sum().backward()
        return {name: cost.detach() for name, cost in costs.items()}


def _leaf(values: Tensor, gradient: Tensor) -> Tensor:
    """The same values for autograd to stop at; it adds to ``gradient`` in place."""
    leaf = values.detach().requires_grad_()
    leaf.grad = gradient
    return leaf


@torch.no_grad()
def penalise(
    C: Tensor, dC: Tensor, Q: Tensor | None, gamma: Mapping[str, float], norm: Norm
) -> Costs:
    """L1 and, with Q, L3 by blocks of rows; their share of the gradient is added to dC (N, N).

    Also ``C_l1``, ||C||_1, which is shown whatever the norm.
    """
    found = []
    owners = C.new_empty(len(C), 0) if Q is None else Q
    size = min(WIDE_ROWS if spends(C) else ROWS, len(C))
    scratch = C.new_empty(3, size, len(C))
    one = C.new_ones(())
    blocks = zip(*(t.split(size) for t in (C, dC, owners)), strict=True)
    for c, gradient, q in blocks:
        magnitude, sign, apart = scratch[:, : len(c)]
        torch.abs(c, out=magnitude)
        torch.sign(c, out=sign)
        mass = magnitude.sum()
        costs = {"L1": mass if norm == "l1" else _dot(c, c), "C_l1": mass}
        if norm == "l1":
            gradient.add_(sign, alpha=gamma["L1"])
        else:
            gradient.add_(c, alpha=2 * gamma["L1"])
        if Q is not None:
            torch.addmm(one, q, Q.T, alpha=-1, out=apart)  # 1 - Q Q^T
            costs["L3"] = _dot(magnitude, apart)
            gradient.addcmul_(sign, apart, value=gamma["L3"])
        found.append(costs)
    return _sum(found)


def _sum(parts: Sequence[Costs]) -> Costs:
    return {name: torch.stack([part[name] for part in parts]).sum() for name in parts[0]}


def _dot(A: Tensor, B: Tensor) -> Tensor:
    return A.flatten() @ B.flatten()
