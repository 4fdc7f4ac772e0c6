"""Image sets as a user would send them: archives of PNGs in class folders, arrays with names."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Truth = NDArray[np.int64]


def subspaces(
    n: int = 96, clusters: int = 4, side: int = 16, dimension: int = 3, seed: int = 0
) -> tuple[Pixels, Truth]:
    """Images (n, side, side) that mix a few patterns of their cluster, and the truth (n,)."""
    rng = np.random.default_rng(seed)
    bases = rng.random((clusters, dimension, side * side)) ** 3
    truth = np.arange(n) * clusters // n
    weights = rng.uniform(0, 1, (n, dimension))
    weights /= weights.sum(axis=1, keepdims=True)
    images = np.einsum("nd,ndp->np", weights, bases[truth]).reshape(n, side, side)
    return np.round(images * 255).astype(np.uint8), truth


def names(truth: Truth) -> list[str]:
    """``class/index.png`` for each image; sorted as the images are if the truth is."""
    return [f"class-{label:02d}/{index:04d}.png" for index, label in enumerate(truth)]


def write_zip(path: Path, images: Pixels, truth: Truth) -> Path:
    """PNGs in a folder for each class, in an order that means nothing."""
    order = np.random.default_rng(0).permutation(len(images))
    called = names(truth)
    with zipfile.ZipFile(path, "w") as archive:
        for i in order:
            png = io.BytesIO()
            Image.fromarray(images[i]).save(png, "PNG")
            archive.writestr(called[i], png.getvalue())
    return path


def write_npz(path: Path, images: Pixels, truth: Truth) -> Path:
    np.savez(path, images=images, labels=truth, names=np.array(names(truth)))
    return path


def read_png(data: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return np.asarray(image)
