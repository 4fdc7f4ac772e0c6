"""What is timed: the paper's sets with their presets, or random images of their sizes."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import sets
from models.base import FloatArray, IntArray, Shape
from models.methods.s2convscn import S2ConvSCN

SIZES = {
    "orl": (Shape(400, 1, 32, 32), 40),
    "coil20": (Shape(1440, 1, 32, 32), 20),
    "yaleb": (Shape(2432, 1, 48, 42), 38),
    "coil100": (Shape(7200, 1, 32, 32), 100),
}
"""Images and clusters of each set."""
LARGE = "coil100"
DIMENSION = 6
"""Of the subspaces that random images come from."""


class Workload(NamedTuple):
    """A set to be timed on.

    Attributes:
        name: a key of ``SIZES``.
        images: (N, 1, H, W) float32 in [0, 1].
        n_clusters: n.
        real: whether the images are the set's own.
    """

    name: str
    images: FloatArray
    n_clusters: int
    real: bool

    @property
    def shape(self) -> Shape:
        return Shape(*self.images.shape)

    @property
    def settings(self) -> S2ConvSCN:
        """The preset of the paper's tables, resolved."""
        preset = S2ConvSCN().with_preset(sets.SETS[self.name].preset, self.n_clusters)
        return preset.resolve(self.shape, self.n_clusters)

    @property
    def labels(self) -> IntArray:
        """(N,) pseudo-labels: what an epoch costs does not depend on which."""
        return np.arange(len(self.images)) % self.n_clusters


class Idle:
    """A run that nobody watches."""

    device, seed = "cpu", 0

    def report(self, *_: object, **__: object) -> None:
        """Keep nothing."""

    def resume(self) -> None:
        """Begin anew."""


def load(name: str, folder: Path | None) -> Workload:
    """The set's images from a folder; random ones without it."""
    shape, n = SIZES[name]
    try:
        images = sets.load(name, folder).images
    except sets.Missing:
        return Workload(name, subspaces(shape, n), n, real=False)
    return Workload(name, images, n, real=True)


def subspaces(shape: Shape, n_clusters: int) -> FloatArray:
    """Images (N, channels, H, W) in [0, 1] near a union of subspaces, with 10 % of noise."""
    generator = np.random.default_rng(0)
    pixels = shape.channels * shape.height * shape.width
    bases = generator.random((n_clusters, DIMENSION, pixels), dtype=np.float32)
    weights = generator.exponential(size=(shape.n_images, DIMENSION)).astype(np.float32)
    owners = np.arange(shape.n_images) * n_clusters // shape.n_images
    X = np.stack([w @ bases[k] for w, k in zip(weights, owners, strict=True)])
    X /= X.max()
    X += 0.1 * X.mean() * generator.random(X.shape, dtype=np.float32)
    return np.clip(X, 0, 1).reshape(shape)
