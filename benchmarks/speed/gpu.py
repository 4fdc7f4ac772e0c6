"""A CUDA device: whether it computes what the CPU does, how fast, in what memory."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from shutil import which
from time import perf_counter
from typing import Any

import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from benchmarks.speed.cases import Case, Silent, ours, yardstick
from benchmarks.speed.epochs import epoch, gflop
from benchmarks.speed.spectral import coefficients
from benchmarks.speed.timing import (
    PRECISIONS,
    alternately,
    finish,
    medians,
    product_rates,
    ratio,
)
from models.affinity import affinity
from models.automatic import automatic_postprocessing
from models.base import IntArray, Shape, State
from models.hyperparameters import Precision
from models.methods.s2convscn import S2ConvSCN
from models.products import precision
from models.scores import score
from models.spectral import spectral_clustering
from models.training import Training

KIND, DEVICE = "gpu", "cuda"


def measure(case: Case, rounds: int) -> dict[str, Any]:
    """The whole job first, as the first one of a process; then its parts."""
    return {
        "driver": driver(),
        "whole": whole(case),
        "agreement": agreement(case),
        "spectral": spectral(case),
        **epochs(case, rounds),
    }


def driver() -> str | None:
    """Version of the NVIDIA driver, where its tool is there to tell."""
    tool = which("nvidia-smi")
    if tool is None:
        return None
    query = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    return found.stdout.strip() or None


@dataclass
class Timed(Silent):
    """A run that counts the seconds of each phase."""

    device: str = DEVICE
    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=perf_counter)

    def report(
        self,
        phase: str,
        step: int,  # noqa: ARG002 - the run's
        total: int,  # noqa: ARG002 - the run's
        *,
        save: Callable[[], State] | None = None,  # noqa: ARG002 - the run's
        labels: IntArray | None = None,  # noqa: ARG002 - the run's
        **values: float,  # noqa: ARG002 - the run's
    ) -> None:
        self.count(phase)

    def count(self, phase: str) -> None:
        """What has passed since the last time belongs to this phase."""
        now = perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self.last
        self.last = now


def whole(case: Case) -> dict[str, Any]:
    """S2ConvSCN by the ``auto`` rule from images to labels, affinity and model in host memory."""
    settings = S2ConvSCN().with_preset("auto", case.n_clusters)
    settings = settings.resolve(Shape(*case.images.shape), case.n_clusters)
    torch.cuda.reset_peak_memory_stats()
    run = Timed()
    found = settings.fit(case.images, case.n_clusters, run)
    run.count("final")
    return {
        "seconds": sum(run.seconds.values()),
        "phases": run.seconds,
        "error": score(case.truth, found.labels)["error"],
        "peak_bytes": torch.cuda.max_memory_allocated(),
    }


def agreement(case: Case) -> dict[str, float]:
    """The largest relative error of a gradient, at each precision, beside float64 on the CPU."""
    expected = gradients(case, "highest", "cpu", torch.float64)
    found: dict[str, float] = {}
    for name in PRECISIONS:
        here = gradients(case, name, DEVICE, torch.float32)
        errors = [float((here[k] - g).norm() / g.norm()) for k, g in expected.items()]
        found[name] = max(errors)
    return found


def gradients(case: Case, name: Precision, device: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """Of all parameters, in an epoch of all costs with a random C; in float64 on the CPU."""
    training = ours(case, case.settings(), device)
    network, X = training.network.to(dtype), training.X.to(dtype)
    n = len(X)
    C = torch.randn(n, n, generator=torch.Generator().manual_seed(0)).fill_diagonal_(0) / n
    with torch.no_grad():
        network.C.copy_(C)
    Q = training.one_hot()
    assert Q is not None  # noqa: S101 - there are pseudo-labels
    with precision(name):
        training.settings.objective(network, X, 0).differentiate(Q.to(dtype))
    named = network.named_parameters()
    return {k: p.grad.cpu().double() for k, p in named if p.grad is not None and p.grad.any()}


def spectral(case: Case) -> dict[str, Any]:
    """Affinity and clustering by the ``auto`` rule of the same C, here and on the CPU."""
    C, n = coefficients(case), case.n_clusters
    chosen = automatic_postprocessing(len(C) / n)
    labels: dict[str, IntArray] = {}

    def step(device: str) -> Callable[[], None]:
        there = torch.from_numpy(C).to(device)

        def call() -> None:
            A = affinity(there, n, "processed", chosen)
            labels[device] = spectral_clustering(A, n, 0).labels

        return call

    seconds = alternately({device: step(device) for device in (DEVICE, "cpu")}, 1)
    return {
        "seconds": medians(seconds),
        "faster": ratio(seconds["cpu"], seconds[DEVICE]),
        "ari": adjusted_rand_score(labels["cpu"], labels[DEVICE]),
    }


def launched_singly(training: Training) -> Callable[[], object]:
    """A call of an epoch without its CUDA graph."""
    step = epoch(training, "highest")

    def call() -> object:
        recorded, training.recorded = training.recorded, None
        try:
            return step()
        finally:
            training.recorded = recorded

    return call


def epochs(case: Case, rounds: int) -> dict[str, object]:
    """Seconds of an epoch of stage II by turns with both yardsticks, memory, share of the rate."""
    settings = case.settings()
    training = ours(case, settings, DEVICE)
    first = epoch(training, "highest")
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    first()
    finish()
    peak = torch.cuda.max_memory_allocated() - before
    contenders: dict[str, Callable[[], object]] = {
        name: epoch(training, name) for name in PRECISIONS
    }
    contenders |= {
        "launched_singly": launched_singly(training),
        "bare": yardstick(case, settings, bare=True, device=DEVICE).step,
        "full": yardstick(case, settings, bare=False, device=DEVICE).step,
    }
    seconds = alternately(contenders, rounds)
    n, middle = len(case.images), medians(seconds)
    work = gflop(training.network.encoder, n, case.n_clusters)
    p = training.network.head.centre.numel()
    del training, contenders, first
    rates = product_rates((n, n, p), rounds, DEVICE)
    return {
        "features": p,
        "rounds": rounds,
        "seconds": middle,
        "to_full": {name: ratio(seconds[name], seconds["full"]) for name in PRECISIONS},
        "peak_bytes": peak + before,
        "squares": (peak + before) / (4 * n * n),
        "gflop": work,
        "rates": rates,
        "shares": {name: work / middle[name] / rates[name] for name in PRECISIONS},
    }
