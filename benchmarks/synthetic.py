"""Image sets of any size, with their truth: written digits, and unions of subspaces."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import affine_transform, zoom
from sklearn.datasets import load_digits

from models.base import FloatArray, IntArray

SIDE = 28
CLASSES = 10
STROKE = 20
"""Side of a digit within its image, as in MNIST."""
TURN, SHEAR, GROWTH, SHIFT = 0.1, 0.1, 0.08, 0.7
"""Standard deviations of a digit's distortions: radians, a slope, a share, pixels."""
DIMENSION, SPOT, NOISE = 6, 3.0, 0.03
"""Of a subspace; of its images' spots, in pixels; of the pixels."""


class Drawn(NamedTuple):
    """``images`` (N, 1, 28, 28) float32 in [0, 1]; ``truth`` (N,) in 0..9, for scores alone."""

    images: FloatArray
    truth: IntArray


def digits(n_images: int, seed: int = 0) -> Drawn:
    """scikit-learn's 1,797 digits, enlarged, each drawn again and again turned, sheared, moved."""
    source, rng = load_digits(), np.random.default_rng(seed)
    large = [zoom(x / 16, STROKE / len(x), order=1) for x in source.images]
    chosen = rng.integers(0, len(large), n_images)
    images = np.empty((n_images, 1, SIDE, SIDE), dtype=np.float32)
    for image, k in zip(images, chosen, strict=True):
        image[0] = _distorted(large[k], rng)
    return Drawn(images, source.target[chosen].astype(np.int64))


def _distorted(digit: FloatArray, rng: np.random.Generator) -> FloatArray:
    turn, shear = rng.normal(0, TURN), rng.normal(0, SHEAR)
    M = np.array([[np.cos(turn), shear - np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    M /= 1 + rng.normal(0, GROWTH)
    middle, target = (STROKE - 1) / 2, (SIDE - 1) / 2 + rng.normal(0, SHIFT, 2)
    shown = affine_transform(digit, M, middle - M @ target, (SIDE, SIDE), order=1)
    return np.asarray(np.clip(shown, 0, 1), dtype=np.float32)


def subspaces(n_images: int, seed: int = 0) -> Drawn:
    """Sums of six blurred spots with random weights, other spots in each class, and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    at = rng.uniform(4, SIDE - 4, (CLASSES, DIMENSION, 2, 1, 1))
    spots = np.exp(-((y - at[:, :, 0]) ** 2 + (x - at[:, :, 1]) ** 2) / (2 * SPOT**2))
    truth = rng.integers(0, CLASSES, n_images)
    weights = rng.uniform(0.1, 1, (n_images, DIMENSION)).astype(np.float32)
    images = np.empty((n_images, 1, SIDE, SIDE), dtype=np.float32)
    for label in range(CLASSES):
        own = np.flatnonzero(truth == label)
        images[own, 0] = np.einsum("nd,dhw->nhw", weights[own], spots[label].astype(np.float32))
    images /= images.max(axis=(2, 3), keepdims=True)
    images += rng.normal(0, NOISE, images.shape).astype(np.float32)
    return Drawn(np.clip(images, 0, 1, out=images), truth.astype(np.int64))


MAKERS = {"digits": digits, "subspaces": subspaces}
