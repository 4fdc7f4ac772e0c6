"""Seconds on a machine that others use too: contenders take turns, medians are compared."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import get_args

import torch

from models.hyperparameters import Precision
from models.products import precision, product

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
SHAPES = ((2048, 2048, 2048), (4096, 1024, 2048))
"""Products (m, l, k) that every CPU does about as fast as it can."""
LARGE = ((8192, 8192, 8192), (16384, 4096, 8192))
"""The same of GPUs."""

Seconds = dict[str, list[float]]


def alternately(contenders: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Seconds of each call. In every round each has its turn; a first one is not counted."""
    found: Seconds = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, call in contenders.items():
            start = perf_counter()
            call()
            finish()
            found[name].append(perf_counter() - start)
    return {name: times[1:] for name, times in found.items()}


def finish() -> None:
    """Wait for what a GPU has not done yet."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def medians(seconds: Seconds) -> dict[str, float]:
    return {name: median(times) for name, times in seconds.items()}


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float:
    """Median over rounds: what slows a round slows both."""
    return median(a / b for a, b in zip(numerator, denominator, strict=True))


def product_rates(own: tuple[int, int, int], rounds: int, device: str = "cpu") -> dict[str, float]:
    """GFLOP/s of products at each precision: the best of the shapes, of which ``own`` is one.

    At each shape the faster of torch's own product and of the one that training uses.
    """
    best: dict[str, float] = dict.fromkeys(PRECISIONS, 0.0)
    for m, inner, k in (own, *(SHAPES if device == "cpu" else LARGE)):
        A, B = torch.randn(m, inner, device=device), torch.randn(inner, k, device=device)
        contenders = {
            f"{name} {how.__name__}": _multiplied(A, B, name, how)
            for name in PRECISIONS
            for how in (product, plain)
        }
        for called, seconds in medians(alternately(contenders, rounds)).items():
            name = called.split()[0]
            best[name] = max(best[name], 2e-9 * m * inner * k / seconds)
    return best


def plain(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    return A @ B


def _multiplied(
    A: torch.Tensor,
    B: torch.Tensor,
    name: Precision,
    how: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Callable[[], object]:
    """A call of a product; bf16's plain one has factors that are rounded already."""
    if name == "bf16" and how is plain:
        A, B = A.bfloat16(), B.bfloat16()

    def call() -> object:
        with precision(name), torch.no_grad():
            return how(A, B)

    return call
