"""The paper's image sets, read from a folder that the user names."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_olivetti_faces

from models.base import FloatArray, IntArray


class Source(NamedTuple):
    """A set's title, its preset in ``models/presets``, its file; no file: scikit-learn has it."""

    title: str
    preset: str
    file: str | None


SETS = {
    "orl": Source("ORL", "orl", "ORL.npz"),
    "olivetti": Source("ORL (Olivetti)", "orl", None),
    "coil20": Source("COIL20", "coil20", "COIL20.npz"),
    "coil100": Source("COIL100", "coil100", "COIL100.npz"),
    "yaleb": Source("Extended Yale B", "yaleb", "EYaleB_48x42.npz"),
}


class ImageSet(NamedTuple):
    """``images`` (N, 1, H, W) float32 in [0, 1]; ``truth`` (N,) in 0..n-1, for scores alone."""

    name: str
    images: FloatArray
    truth: IntArray

    @property
    def n_classes(self) -> int:
        return int(self.truth.max()) + 1


class Missing(Exception):
    """A set's file is not where it was said to be."""


def load(name: str, folder: Path | None) -> ImageSet:
    """Read a set in the order of its file.

    Args:
        name: a key of ``SETS``.
        folder: holds NAME.npz with ``images`` (N, H, W) uint8 and ``labels`` (N,); the Olivetti
            faces are downloaded into it, or into scikit-learn's own folder.

    Raises:
        Missing: if the file is not there.
    """
    file = SETS[name].file
    if file is None:
        return _olivetti(name, folder)
    if folder is None or not (folder / file).is_file():
        where = "no folder was named" if folder is None else f"{folder} has no such file"
        raise Missing(
            f"The set {name} needs {file} (images: N x H x W uint8, labels: N), but {where}. "
            "Name its folder: DATA=... for make, --data for the command, or S2CONVSCN_BENCH_DATA."
        )
    with np.load(folder / file) as archive:
        images, truth = archive["images"], archive["labels"]
    return ImageSet(name, _canonical(images / np.float32(255)), truth.astype(np.int64))


def _olivetti(name: str, folder: Path | None) -> ImageSet:
    """The faces of ORL as scikit-learn has them, 64 x 64 halved by the mean of 2 x 2 pixels."""
    faces = fetch_olivetti_faces(data_home=folder)
    small = faces.images.reshape(-1, 32, 2, 32, 2).mean(axis=(2, 4))  # (N, 32, 32)
    return ImageSet(name, _canonical(small), faces.target.astype(np.int64))


def _canonical(images: NDArray[Any]) -> FloatArray:
    return np.ascontiguousarray(images[:, None], dtype=np.float32)
