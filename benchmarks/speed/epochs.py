"""Seconds of an epoch: the yardstick's bare DSC-Net and its S2ConvSCN, and the project's own."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks import straightforward
from benchmarks.records import Record
from benchmarks.speed import operations
from benchmarks.speed.clock import alternating
from benchmarks.speed.workloads import Idle, Workload
from models.hyperparameters import Precision
from models.training import Training

BARE, FULL = "DSC-Net", "S2ConvSCN"
Step = Callable[[], object]


def measure(work: Workload, seconds: float) -> Record:
    """Medians of epochs on the whole set, with the operations of one and the rate of products."""
    settings, shape = work.settings, work.shape
    p = operations.features(settings, shape)
    ours = training(work)
    contestants: dict[str, Step] = {BARE: bare(work).step, FULL: full(work).step}
    contestants |= {name: partial(step, ours, name) for name in operations.PRECISIONS}
    found = alternating(contestants, seconds)
    del contestants, ours
    return {
        "n_images": shape.n_images,
        "p": p,
        "seconds": found,
        "operations": operations.epoch(settings, shape, work.n_clusters),
        "gemm": {name: operations.gemm(name, shape.n_images, p) for name in operations.PRECISIONS},
    }


def training(work: Workload) -> Training:
    """The project's network with pseudo-labels: all of L0 to L4."""
    found = Training(work.settings, work.images, work.n_clusters, Idle())
    found.labels = work.labels
    return found


def step(training: Training, precision: Precision) -> None:
    training.settings = training.settings.model_copy(update={"precision": precision})
    training.step()


def bare(work: Workload) -> straightforward.Epochs:
    """The yardstick's DSC-Net: L0, L1 and L2."""
    model = straightforward.DSCNet(work.images.shape[1:], layers(work), len(work.images))
    return straightforward.Epochs(model, scaled(work), _gammas(work)[:2])


def full(work: Workload) -> straightforward.Epochs:
    """The yardstick's S2ConvSCN: L0 to L4."""
    Q = F.one_hot(torch.from_numpy(work.labels), work.n_clusters).float()  # (N, n)
    model = straightforward.S2ConvSCN(work.images.shape[1:], layers(work), Q)
    return straightforward.Epochs(model, scaled(work), _gammas(work))


def scaled(work: Workload) -> Tensor:
    """(N, 1, H, W) as the preset scales them."""
    return torch.from_numpy(work.images * np.float32(work.settings.pixel_scale or 1))


def layers(work: Workload) -> list[tuple[int, int]]:
    return [(layer.kernel, layer.channels) for layer in work.settings.encoder or ()]


def _gammas(work: Workload) -> list[float]:
    s = work.settings
    return [weight or 0.0 for weight in (s.gamma1, s.gamma2, s.gamma3, s.gamma4)]
