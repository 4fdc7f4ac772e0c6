"""Seconds of an epoch of stage II, its arithmetic, and what share of the machine's rate it has."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from benchmarks.speed.cases import Case, ours, yardstick
from benchmarks.speed.timing import PRECISIONS, alternately, medians, product_rates, ratio
from models.hyperparameters import Precision
from models.network import Encoder
from models.training import Training


def measure(case: Case, rounds: int) -> dict[str, object]:
    """Ours at each precision and both yardsticks, in turns on the same images."""
    settings = case.settings()
    training = ours(case, settings)
    contenders: dict[str, Callable[[], object]] = {
        "bare": yardstick(case, settings, bare=True).step,
        "full": yardstick(case, settings, bare=False).step,
    }
    contenders |= {name: epoch(training, name) for name in PRECISIONS}
    seconds = alternately(contenders, rounds)
    shape = len(case.images), case.n_clusters
    work = gflop(training.network.encoder, *shape)
    p = training.network.head.centre.numel()
    del training, contenders
    rates = product_rates((shape[0], shape[0], p), rounds)
    middle = medians(seconds)
    return {
        "features": p,
        "rounds": rounds,
        "seconds": middle,
        "to_bare": {name: ratio(seconds[name], seconds["bare"]) for name in PRECISIONS},
        "to_full": {name: ratio(seconds[name], seconds["full"]) for name in PRECISIONS},
        "gflop": work,
        "rates": rates,
        "shares": {name: work / middle[name] / rates[name] for name in PRECISIONS},
    }


def epoch(training: Training, name: Precision) -> Callable[[], object]:
    """A call of one epoch at a precision."""

    def call() -> object:
        training.settings = training.settings.model_copy(update={"precision": name})
        return training.step()

    return call


def gflop(encoder: Encoder, n_images: int, n_clusters: int) -> float:
    """Additions and multiplications of an epoch of all costs, in 10^9, elementwise ones left out.

    Three products of N x N with p for C, three of N x p with N/2 for the head's first layer, each
    forward, by one factor and by the other; Q Q^T of L3; every convolution the same three times,
    but the first, which needs no gradient of the images.
    """
    depth, *side = encoder.top
    N, n, p = n_images, n_clusters, depth * side[0] * side[1]
    head = 3 * (p * (N // 2) + (N // 2) * n + n * n)
    maps = _convolutions(encoder.depths, encoder.kernels, encoder.sizes)
    return 2e-9 * N * (3 * N * p + N * n + head + 6 * sum(maps) - maps[0])


def _convolutions(
    depths: Sequence[int], kernels: Sequence[int], sizes: Sequence[tuple[int, int]]
) -> list[int]:
    """Multiplications of each convolution for an image."""
    return [
        c * d * k * k * h * w
        for (c, d), k, (h, w) in zip(pairwise(depths), kernels, sizes[1:], strict=True)
    ]
