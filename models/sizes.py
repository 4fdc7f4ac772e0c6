"""Sizes of the network and of its memory, computed without torch."""

from collections.abc import Sequence
from math import ceil

from models.base import Shape
from models.hyperparameters import Layer

FLOAT = 4
SQUARES = 15
"""N x N floats at the peak: C, gradient, moments, a checkpoint's copies, the spectral step."""
FEATURE_MAPS = 5
"""Copies of all feature maps: forward, backward, padded, gathered."""
FEATURES = 4
WEIGHTS = 8
"""Copies of the weights: themselves, gradient, two moments, and a checkpoint's of all but one."""
COPIES = 12
"""Of the images, as a shallow method and its views make them."""
VIEWED = 6
"""Of the images, as the views make them."""
BASES = 10
"""Copies of a discriminator's bases: themselves, gradient, moments, a step's, a checkpoint's."""
SHOWN = 3
"""Copies of the images and fakes that it is shown."""
INNER_PRODUCTS = 3
MOST_FAKES = 64
LANDMARKS, LANDMARKS_A_CLUSTER, LANDMARKS_UNCOUNTED = 2000, 20, 4000
"""How many are drawn if that is left open, at least how many for each cluster, and how many if it
is not known how many of these there are."""
SPARSE = 3000
"""Bytes for an image's entries of sparse matrices, as they are put together."""
BASELINE = 600 * 1024**2
"""The interpreter with its libraries loaded."""


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


def convolution_weights(shape: Shape, encoder: Sequence[Layer]) -> int:
    """Weights of encoder and decoder together."""
    depths = [shape.channels, *(layer.channels for layer in encoder)]
    return 2 * sum(
        layer.kernel**2 * below * layer.channels
        for layer, below in zip(encoder, depths, strict=False)
    )


def training_bytes(shape: Shape, n_clusters: int, encoder: Sequence[Layer]) -> int:
    """Peak memory of training on the CPU from sizes alone.

    The factors are upper bounds of what was measured from N = 200 to 3000 and 8 to 128 pixels.
    """
    n, p = shape.n_images, features(shape, encoder)
    floats = (
        SQUARES * n * n
        + FEATURE_MAPS * n * activations(shape, encoder)
        + FEATURES * n * p
        + WEIGHTS * (p * (n // 2) + (n // 2 + n_clusters) * n_clusters)
        + WEIGHTS * convolution_weights(shape, encoder)
    )
    return BASELINE + FLOAT * floats


def fitted_images(n_images: int, n_clusters: int | None, landmarks: int | str | None) -> int:
    """m: how many images a method is fitted to; a word leaves it to the rule."""
    if landmarks is None:
        return n_images
    if isinstance(landmarks, str):
        counted = max(LANDMARKS, LANDMARKS_A_CLUSTER * (n_clusters or 0))
        landmarks = counted if n_clusters else LANDMARKS_UNCOUNTED
    return min(landmarks, n_images)


def expression_bytes(shape: Shape, p: int) -> int:
    """What is held beside the fit to express N images by landmarks in p features."""
    pixels = shape.channels * shape.height * shape.width
    return shape.n_images * (FLOAT * (pixels + p) + SPARSE)


def prediction_bytes(shape: Shape, encoder: Sequence[Layer]) -> int:
    """Peak memory of assigning images by a trained model: images, their view, their features."""
    pixels = shape.channels * shape.height * shape.width
    floats = shape.n_images * (VIEWED * pixels + FEATURES * features(shape, encoder))
    return BASELINE + FLOAT * floats


def members(n_images: int, n_clusters: int) -> int:
    """M: how many images of one cluster a discriminator sees at most in an epoch.

    Twice the mean, so that one large cluster does not fill all rows with padding.
    """
    return min(2 * ceil(n_images / n_clusters), n_images)


def fakes(n_images: int, n_clusters: int) -> int:
    """F: fakes of each cluster in an epoch, as many as it has images on average, up to 64."""
    return min(ceil(n_images / n_clusters), MOST_FAKES)


def subspace_dimension(asked: int, n_images: int, n_clusters: int, p: int) -> int:
    """r: as asked, but no more than the images of a mean cluster or their features can span."""
    return min(asked, ceil(n_images / n_clusters), p)


def discriminator_bytes(
    shape: Shape, n_clusters: int, encoder: Sequence[Layer], dimension: int
) -> int:
    """What a discriminator with a basis (p, r) for each cluster holds at the peak."""
    n, p = shape.n_images, features(shape, encoder)
    r = subspace_dimension(dimension, n, n_clusters, p)
    shown = n_clusters * (members(n, n_clusters) + fakes(n, n_clusters))
    return FLOAT * (
        BASES * n_clusters * p * r + SHOWN * shown * p + INNER_PRODUCTS * (n_clusters * r) ** 2
    )


def shallow_bytes(shape: Shape, squares: int) -> int:
    """Peak memory of a method without a network, from so many N x N floats and copies of X."""
    pixels = shape.channels * shape.height * shape.width
    floats = squares * shape.n_images**2 + COPIES * shape.n_images * pixels
    return BASELINE + FLOAT * floats
