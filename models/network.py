"""The trainable modules of Fig. 1: encoder, decoder, self-expression, head."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import TypeVar

import torch
from torch import Tensor, nn

from models.convolution import STRIDE, convolve, halved, layout, transposed
from models.hyperparameters import Layer
from models.products import precision, product
from models.thrift import spends

CHUNK = 128
"""Images that go through the convolutions together; their activations stay in a CPU's cache."""
WIDE = 4096
"""The same of a GPU, which many small kernels would leave idle."""


Linear = TypeVar("Linear", nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def _initialised(layer: Linear) -> Linear:
    """Glorot's uniform weights and zero biases, as in the code of DSC-Net."""
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Encoder(nn.Module):
    """Stacked convolutions of stride 2 with ReLU; z is the flattened top feature map (eq. 1)."""

    def __init__(self, image: tuple[int, int, int], layers: Sequence[Layer]) -> None:
        """Lay out the convolutions for images of (channels, height, width)."""
        super().__init__()
        channels, height, width = image
        self.sizes = [(height, width)]
        for _ in layers:
            h, w = self.sizes[-1]
            self.sizes.append((halved(h), halved(w)))
        depths = [channels, *(layer.channels for layer in layers)]
        self.kernels = [layer.kernel for layer in layers]
        self.depths = depths
        self.convolutions = nn.ModuleList(
            _initialised(nn.Conv2d(i, o, k, stride=STRIDE))
            for (i, o), k in zip(pairwise(depths), self.kernels, strict=True)
        )
        self.layout = layout(depths[:-1])
        self.to(memory_format=self.layout)  # type: ignore[call-overload]

    @property
    def top(self) -> tuple[int, int, int]:
        """Channels, height and width of the top feature map."""
        return (self.depths[-1], *self.sizes[-1])

    def forward(self, X: Tensor) -> Tensor:
        """(N, channels, H, W) to Z (N, p)."""
        h = X.contiguous(memory_format=self.layout)
        for convolution in self.convolutions:
            weight, bias = convolution.parameters()
            h = convolve(h, weight, bias).relu_()
        return h.flatten(1)


class Decoder(nn.Module):
    """The encoder's mirror image: transposed convolutions with ReLU, the last one included."""

    def __init__(self, encoder: Encoder) -> None:
        """Mirror an encoder's layout; the weights are its own."""
        super().__init__()
        self.top = encoder.top
        self.sizes = encoder.sizes[-2::-1]
        kernels = encoder.kernels[::-1]
        self.convolutions = nn.ModuleList(
            _initialised(nn.ConvTranspose2d(i, o, k, stride=STRIDE))
            for (i, o), k in zip(pairwise(encoder.depths[::-1]), kernels, strict=True)
        )
        self.layout = encoder.layout
        self.to(memory_format=self.layout)  # type: ignore[call-overload]

    def forward(self, Z: Tensor) -> Tensor:
        """(N, p) to X_hat (N, channels, H, W)."""
        h = Z.reshape(-1, *self.top).contiguous(memory_format=self.layout)
        for convolution, size in zip(self.convolutions, self.sizes, strict=True):
            weight, bias = convolution.parameters()
            h = transposed(h, weight, bias, size).relu_()
        return h


def encode(encoder: Encoder, X: Tensor) -> Tensor:
    """(N, channels, H, W) to Z (N, p), in chunks and fp32."""
    with precision("highest"):
        return torch.cat([encoder(x) for x in X.split(chunk(X))])


def chunk(X: Tensor) -> int:
    """How many rows of X (N, ...) the network takes at a time."""
    return WIDE if spends(X) else CHUNK


class SelfExpression(nn.Module):
    """C, the coefficients by which each image is expressed by the others. Shape (N, N)."""

    def __init__(self, C: Tensor, *, zero_diagonal: bool) -> None:
        """Start from given coefficients."""
        super().__init__()
        self.zero_diagonal = zero_diagonal
        self.C = nn.Parameter(C)
        self.clear_diagonal()

    @torch.no_grad()
    def clear_diagonal(self) -> None:
        """Put C back onto diag(C) = 0 after a step (eq. 3)."""
        if self.zero_diagonal:
            self.C.fill_diagonal_(0)

    def forward(self, Z: Tensor) -> Tensor:
        """(N, p) to C Z (N, p)."""
        return product(self.C, Z)


class Head(nn.Module):
    """The FC self-supervision module: p -> N/2 -> n -> n with ReLU between (section 3.3).

    Its input is centred and scaled to the root mean squared norm p^(1/4). Features of ReLUs are all
    positive: uncentred, one full-batch step of Adam moves every unit the same way and its ReLUs
    die, at any scale of the pixels.
    """

    centre: Tensor
    gain: Tensor

    def __init__(self, p: int, n_images: int, n_clusters: int) -> None:
        """Lay out p x N1 x N2 x n with N1 = N/2, N2 = n."""
        super().__init__()
        hidden = max(n_images // 2, 1)
        self.layers = nn.Sequential(
            _initialised(nn.Linear(p, hidden)),
            nn.ReLU(inplace=True),
            _initialised(nn.Linear(hidden, n_clusters)),
            nn.ReLU(inplace=True),
            _initialised(nn.Linear(n_clusters, n_clusters)),
        )
        self.register_buffer("centre", torch.zeros(p))
        self.register_buffer("gain", torch.ones(()))

    @torch.no_grad()
    def adjust(self, Z: Tensor) -> None:
        """Take centre and scale from the whole data set's features (N, p)."""
        self.centre.copy_(Z.mean(dim=0))
        deviations = [torch.linalg.vector_norm(z - self.centre) for z in Z.split(chunk(Z))]
        variance = torch.stack(deviations).square().sum() / len(Z)
        self.gain.copy_(Z.shape[1] ** 0.25 / variance.clamp(min=torch.finfo(Z.dtype).tiny).sqrt())

    def forward(self, Z: Tensor) -> Tensor:
        """(N, p) to y (N, n)."""
        weight, bias = self.layers[0].parameters()
        h = product(Z - self.centre, weight.T)  # (N, N/2)
        Y: Tensor = self.layers[1:](h.mul_(self.gain).add_(bias))  # in place: it is half of N x N
        return Y


class Network(nn.Module):
    """Encoder, decoder, self-expression and head; convolutions go over the images in chunks."""

    def __init__(
        self,
        image: tuple[int, int, int],
        layers: Sequence[Layer],
        C: Tensor,
        n_clusters: int,
        *,
        zero_diagonal: bool,
    ) -> None:
        """Build the modules for N images of (channels, height, width) and a first C (N, N)."""
        super().__init__()
        self.n_clusters = n_clusters
        self.encoder = Encoder(image, layers)
        self.decoder = Decoder(self.encoder)
        self.head = Head(prod(self.encoder.top), len(C), n_clusters)
        self.expression = SelfExpression(C, zero_diagonal=zero_diagonal)

    @property
    def C(self) -> Tensor:
        return self.expression.C

    def encode(self, X: Tensor) -> Tensor:
        """(N, channels, H, W) to Z (N, p)."""
        return encode(self.encoder, X)

    def decode(self, Z: Tensor) -> Tensor:
        """(N, p) to X_hat (N, channels, H, W)."""
        return torch.cat([self.decoder(z) for z in Z.split(chunk(Z))])
