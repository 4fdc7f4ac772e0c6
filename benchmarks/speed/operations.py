"""Floating-point operations of an epoch, and how many of them a plain product reaches a second."""

from itertools import pairwise
from typing import get_args

import torch

from benchmarks.speed.clock import timed
from models.base import Shape
from models.convolution import halved
from models.hyperparameters import Precision
from models.methods.s2convscn import S2ConvSCN
from models.products import precision, product

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
SQUARES = (2048, 4096)
"""Sides of the square products that are timed beside the epoch's own."""
TRIES = 5


def features(settings: S2ConvSCN, shape: Shape) -> int:
    """p, the length of z."""
    height, width = _sizes(settings, shape)[-1]
    return (settings.encoder or ())[-1].channels * height * width


def epoch(settings: S2ConvSCN, shape: Shape, n_clusters: int) -> int:
    """Multiplications and additions of one gradient step on all of L0 to L4.

    Counted are products and convolutions, each forward and by both of its factors; nothing that is
    done element by element.
    """
    n, p, hidden = shape.n_images, features(settings, shape), shape.n_images // 2
    head = p * hidden + hidden * n_clusters + n_clusters**2
    products = 3 * n * (n * p + head) + n * n * n_clusters  # C Z, the head, Q Q^T
    first, *others = _convolutions(settings, shape)
    return 2 * (products + n * (5 * first + 6 * sum(others)))  # images have no gradient


def gemm(name: Precision, n: int, p: int) -> float:
    """The most operations a second of products at a precision: squares, and (n, n) by (n, p)."""
    shapes = [(side, side, side) for side in SQUARES]
    return max(_rate(name, *shape) for shape in (*shapes, (n, n, p)))


def _rate(name: Precision, m: int, depth: int, k: int) -> float:
    """By torch's own product on factors of that precision, or by the project's."""
    dtype = torch.bfloat16 if name == "bf16" else torch.float32
    A, B = torch.randn(m, depth), torch.randn(depth, k)
    a, b = A.to(dtype), B.to(dtype)
    with torch.no_grad(), precision(name):
        seconds = [timed(lambda: a @ b) for _ in range(TRIES)]
        seconds += [timed(lambda: product(A, B)) for _ in range(TRIES)]
    return 2 * m * depth * k / min(seconds)


def _sizes(settings: S2ConvSCN, shape: Shape) -> list[tuple[int, int]]:
    sizes = [(shape.height, shape.width)]
    for _ in settings.encoder or ():
        height, width = sizes[-1]
        sizes.append((halved(height), halved(width)))
    return sizes


def _convolutions(settings: S2ConvSCN, shape: Shape) -> list[int]:
    """Multiplications of each convolution for one image."""
    layers = settings.encoder or ()
    depths = pairwise([shape.channels, *(layer.channels for layer in layers)])
    return [
        height * width * layer.kernel**2 * i * o
        for layer, (i, o), (height, width) in zip(
            layers, depths, _sizes(settings, shape)[1:], strict=True
        )
    ]
