"""Sizes of the network and of its memory, computed without torch."""

from collections.abc import Sequence

from models.base import Shape
from models.hyperparameters import Layer

FLOAT = 4
COEFFICIENT_COPIES = 7
"""N x N float32 arrays at the peak: C, its gradient, two moments, |C|, and the spectral step's."""
ACTIVATION_COPIES = 4
BASELINE = 400 * 1024**2
"""The interpreter with torch loaded."""


def feature_map(shape: Shape, depth: int) -> tuple[int, int]:
    """Height and width after ``depth`` convolutions of stride 2 with "same" padding."""
    height, width = shape.height, shape.width
    for _ in range(depth):
        height, width = -(-height // 2), -(-width // 2)
    return height, width


def activations(shape: Shape, encoder: Sequence[Layer]) -> int:
    """Floats of one image in all feature maps of encoder and decoder."""
    total = shape.channels * shape.height * shape.width
    for depth, layer in enumerate(encoder, start=1):
        height, width = feature_map(shape, depth)
        total += layer.channels * height * width
    return 2 * total


def features(shape: Shape, encoder: Sequence[Layer]) -> int:
    """p: the length of an image's feature vector."""
    height, width = feature_map(shape, len(encoder))
    return encoder[-1].channels * height * width


def training_bytes(shape: Shape, n_clusters: int, encoder: Sequence[Layer]) -> int:
    """Peak memory of training on the CPU, an upper estimate from sizes alone."""
    n = shape.n_images
    coefficients = COEFFICIENT_COPIES * n * n
    images = ACTIVATION_COPIES * n * activations(shape, encoder)
    head = 4 * (features(shape, encoder) * (n // 2) + n * n_clusters)
    return BASELINE + FLOAT * (coefficients + images + head)
