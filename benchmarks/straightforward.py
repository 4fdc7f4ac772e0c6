"""The yardstick of speed: DSC-Net and S2ConvSCN as their formulas stand.

Eager torch, fp32, plain Adam, the whole data set through every module at once, every matrix of the
paper materialised. Frozen before anything was optimised: it is measured against, never improved.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 2


class AutoEncoder(nn.Module):
    """Convolutions of stride 2 with "same" padding and ReLU, and their mirror image."""

    def __init__(self, image: tuple[int, int, int], layers: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        channels, *size = image
        self.sizes = [tuple(size)]
        for _ in layers:
            self.sizes.append(tuple(-(-s // STRIDE) for s in self.sizes[-1]))
        self.depths = [channels, *(c for _, c in layers)]
        self.kernels = [k for k, _ in layers]
        pairs = list(zip(pairwise(self.depths), self.kernels, strict=True))
        self.down = nn.ModuleList(nn.Conv2d(i, o, k, stride=STRIDE) for (i, o), k in pairs)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(o, i, k, stride=STRIDE) for (i, o), k in reversed(pairs)
        )

    def encode(self, X: Tensor) -> Tensor:
        """(N, channels, H, W) to Z (N, p)."""
        h = X
        for layer, kernel, size in zip(self.down, self.kernels, self.sizes, strict=False):
            (top, bottom), (left, right) = (_padding(s, kernel) for s in size)
            h = F.relu(layer(F.pad(h, (left, right, top, bottom))))
        return h.flatten(1)

    def decode(self, Z: Tensor) -> Tensor:
        """(N, p) to X_hat (N, channels, H, W)."""
        h = Z.reshape(len(Z), self.depths[-1], *self.sizes[-1])
        for layer, kernel, size in zip(
            self.up, self.kernels[::-1], self.sizes[-2::-1], strict=True
        ):
            (top, _), (left, _) = (_padding(s, kernel) for s in size)
            h = F.relu(layer(h)[:, :, top : top + size[0], left : left + size[1]])
        return h


class DSCNet(AutoEncoder):
    """L0 + gamma1 L1 + gamma2 L2 (Ji et al., NIPS 2017), L1 the l1 norm of C."""

    def __init__(
        self, image: tuple[int, int, int], layers: Sequence[tuple[int, int]], n_images: int
    ) -> None:
        super().__init__(image, layers)
        self.C = nn.Parameter(torch.full((n_images, n_images), 1e-4))

    def costs(self, X: Tensor) -> dict[str, Tensor]:
        return self.costs_of(X, self.encode(X))

    def costs_of(self, X: Tensor, Z: Tensor) -> dict[str, Tensor]:
        CZ = self.C @ Z
        X_hat = self.decode(CZ)
        return {
            "L0": 0.5 * ((X - X_hat) ** 2).sum(),
            "L1": self.C.abs().sum(),
            "L2": 0.5 * ((Z - CZ) ** 2).sum(),
        }


class S2ConvSCN(DSCNet):
    """All costs of eq. 7 for given pseudo-labels; the head on centred features of norm p^(1/4)."""

    def __init__(
        self,
        image: tuple[int, int, int],
        layers: Sequence[tuple[int, int]],
        Q: Tensor,
        tau: float = 0.1,
    ) -> None:
        """Q (N, n) has the one-hot pseudo-labels in its rows."""
        n_images, n = Q.shape
        super().__init__(image, layers, n_images)
        self.Q, self.tau = Q, tau
        p, hidden = self.depths[-1] * self.sizes[-1][0] * self.sizes[-1][1], n_images // 2
        self.head = nn.Sequential(
            nn.Linear(p, hidden), nn.ReLU(), nn.Linear(hidden, n), nn.ReLU(), nn.Linear(n, n)
        )

    def costs_of(self, X: Tensor, Z: Tensor) -> dict[str, Tensor]:
        Q = self.Q
        L3 = (self.C.abs() * torch.cdist(Q, Q) ** 2).sum() / 2
        centre = Z.mean(dim=0).detach()
        norm = ((Z - centre) ** 2).sum(dim=1).mean().sqrt().detach()
        Y = self.head((Z - centre) / norm * Z.shape[1] ** 0.25)
        mu = ((Q.T @ Y) / Q.sum(dim=0)[:, None]).detach()  # (n, n)
        spread = ((Y - Q @ mu) ** 2).sum(dim=1).mean()
        L4 = F.cross_entropy(Y, Q.argmax(dim=1)) + self.tau * spread
        return super().costs_of(X, Z) | {"L3": L3, "L4": L4}


class Epochs:
    """Gradient steps on the whole data set, weighed as in eq. 7 with gamma0 = 1."""

    def __init__(self, model: DSCNet, X: Tensor, gammas: Sequence[float]) -> None:
        """Take gamma1, gamma2 and, if the model needs them, gamma3 and gamma4."""
        self.model, self.X = model, X
        self.gammas = {"L0": 1.0} | {f"L{i}": g for i, g in enumerate(gammas, start=1)}
        self.optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(self) -> dict[str, float]:
        """One epoch; returns the costs before it."""
        costs = self.model.costs(self.X)
        loss = torch.stack([self.gammas[name] * cost for name, cost in costs.items()]).sum()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            self.model.C.fill_diagonal_(0)
        return {name: cost.item() for name, cost in costs.items()}


def _padding(size: int, kernel: int) -> tuple[int, int]:
    """TensorFlow's "same" for stride 2: the odd pixel goes to the end."""
    total = max((-(-size // STRIDE) - 1) * STRIDE + kernel - size, 0)
    return total // 2, total - total // 2
