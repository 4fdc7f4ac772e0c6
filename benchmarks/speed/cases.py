"""What is timed: the paper's sets at their sizes, ours and the yardstick on the same images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchmarks import sets, straightforward
from benchmarks.sets import ImageSet
from models.base import FloatArray, IntArray, Shape, State
from models.methods.s2convscn import S2ConvSCN
from models.training import Training


class Size(NamedTuple):
    n_images: int
    n_clusters: int
    height: int
    width: int


SIZES = {
    "orl": Size(400, 40, 32, 32),
    "coil20": Size(1440, 20, 32, 32),
    "yaleb": Size(2432, 38, 48, 42),
    "coil100": Size(7200, 100, 32, 32),
}
DIMENSION = 6
"""Of a cluster's subspace where images are synthetic."""


@dataclass
class Silent:
    """A run that hears nothing and keeps nothing."""

    device: str = "cpu"
    seed: int = 0

    def report(
        self,
        phase: str,
        step: int,
        total: int,
        *,
        save: Callable[[], State] | None = None,
        labels: IntArray | None = None,
        **values: float,
    ) -> None:
        """Nobody asks."""

    def resume(self) -> State | None:
        return None


class Case(NamedTuple):
    """A set's images (N, 1, H, W), shuffled, or synthetic ones of the same sizes."""

    name: str
    images: FloatArray
    n_clusters: int
    real: bool
    truth: IntArray

    def settings(self) -> S2ConvSCN:
        """The set's preset, resolved."""
        preset = S2ConvSCN().with_preset(sets.SETS[self.name].preset, self.n_clusters)
        return preset.resolve(Shape(*self.images.shape), self.n_clusters)


def case(name: str, folder: Path | None) -> Case:
    """A set from its folder, or synthetic images where it is not there."""
    try:
        found, real = sets.load(name, folder), True
    except sets.Missing:
        found, real = synthetic(name, SIZES[name]), False
    order = np.random.default_rng(0).permutation(len(found.images))
    return Case(name, found.images[order], found.n_classes, real, found.truth[order])


def synthetic(name: str, size: Size) -> ImageSet:
    """A union of subspaces: images of a cluster are positive mixtures of a few of its own."""
    rng = np.random.default_rng(0)
    bases = rng.random((size.n_clusters, DIMENSION, size.height * size.width), dtype=np.float32)
    truth = np.arange(size.n_images) % size.n_clusters
    weights = rng.dirichlet(np.ones(DIMENSION), size.n_images).astype(np.float32)
    images = np.stack([w @ bases[k] for w, k in zip(weights, truth, strict=True)])
    return ImageSet(name, images.reshape(-1, 1, size.height, size.width), truth)


def ours(chosen: Case, settings: S2ConvSCN, device: str = "cpu") -> Training:
    """Stage II with pseudo-labels, so that every cost takes part."""
    training = Training(settings, chosen.images, chosen.n_clusters, Silent(device))
    training.labels = _pseudo_labels(chosen)
    return training


def yardstick(
    chosen: Case, settings: S2ConvSCN, *, bare: bool, device: str = "cpu"
) -> straightforward.Epochs:
    """The yardstick's DSC-Net (bare) or S2ConvSCN with the same encoder and weights."""
    image, layers = chosen.images.shape[1:], settings.encoder or ()
    gammas = [settings.gamma1 or 0, settings.gamma2 or 0]
    X = torch.from_numpy(chosen.images).to(device) * (settings.pixel_scale or 1)
    torch.manual_seed(0)
    if bare:
        model = straightforward.DSCNet(image, layers, len(X))
    else:
        gammas += [settings.gamma3 or 0, settings.gamma4 or 0]
        Q = torch.eye(chosen.n_clusters)[torch.from_numpy(_pseudo_labels(chosen))].to(device)
        model = straightforward.S2ConvSCN(image, layers, Q, settings.tau)
    return straightforward.Epochs(model.to(device), X, gammas)


def _pseudo_labels(chosen: Case) -> IntArray:
    return np.arange(len(chosen.images)) % chosen.n_clusters
