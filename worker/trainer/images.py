"""Reading a data set's canonical form into the array that methods take."""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jobs.records import Notice
from models.base import FloatArray, IntArray

EXAMPLES = 5
"""Images that a notice names before it only counts."""


class Loaded(NamedTuple):
    """``images``: (N, C, H, W) float32 in [0, 1], or feature vectors (N, D, 1, 1) as they are.

    ``filters``: how many images were resized by which.
    """

    images: FloatArray
    names: list[str]
    filters: dict[str, int]


def load_images(folder: Path, size: tuple[int, int] | None) -> Loaded:
    """Read ``pixels.npy`` through a memory map, one image at a time.

    Args:
        folder: a data set in canonical form.
        size: (height, width) to which each image is resized; None if all are of one size.
    """
    index = json.loads((folder / "index.json").read_bytes())
    entries, channels = index["images"], index["channels"]
    pixels = np.load(folder / "pixels.npy", mmap_mode="r")
    height, width = size or (entries[0]["height"], entries[0]["width"])
    images = np.empty((len(entries), channels, height, width), dtype=np.float32)
    filters: Counter[str] = Counter()
    for target, entry in zip(images, entries, strict=True):
        image = _read(pixels, entry, channels)
        if size is not None and image.shape[1:] != size:
            image, name = resize(image, size)
            filters[name] += 1
        target[...] = image
    return Loaded(images, [entry["name"] for entry in entries], dict(filters))


class Truth(NamedTuple):
    """``labels`` (N,) index ``classes``."""

    labels: IntArray
    classes: list[str]


def load_truth(folder: Path) -> Truth | None:
    """The ground truth, if the data set has one. To be called after the fit."""
    index = json.loads((folder / "index.json").read_bytes())
    if index["truth"] is None:
        return None
    return Truth(np.asarray(index["truth"], dtype=np.int64), index["classes"])


def _read(pixels: NDArray[Any], entry: dict[str, Any], channels: int) -> FloatArray:
    """One image: (C, H, W) float32 in [0, 1]."""
    shape = (entry["height"], entry["width"], channels)
    flat = pixels[entry["offset"] : entry["offset"] + np.prod(shape)]
    image = flat.reshape(shape).transpose(2, 0, 1).astype(np.float32)
    return image / np.float32(255) if pixels.dtype == np.uint8 else image


def resize(image: FloatArray, size: tuple[int, int]) -> tuple[FloatArray, str]:
    """Resample (C, H, W) in floating point, and say by which of Pillow's filters.

    LANCZOS when neither side grows (it averages over the pixels that fall together), otherwise
    BICUBIC; both overshoot at edges, so the result is clipped to [0, 1].
    """
    height, width = size
    shrinks = height <= image.shape[1] and width <= image.shape[2]
    resampling = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), resampling)) for plane in image
    ]
    return np.clip(np.stack(planes), 0, 1), resampling.name


def look_for_oddities(images: FloatArray, names: list[str]) -> list[Notice]:
    """Warnings about images that are all black, and about images that are the same."""
    black, twins = [], []
    first: dict[bytes, str] = {}
    for name, image in zip(names, images, strict=True):
        original = first.setdefault(sha256(image.tobytes()).digest(), name)
        if not image.any():
            black.append(name)
        elif original != name:
            twins.append(f"{name} = {original}")
    notices = []
    if black:
        notices.append(Notice(code="black-images", detail=_say("all black", black)))
    if twins:
        notices.append(Notice(code="duplicate-images", detail=_say("the same as another", twins)))
    return notices


def _say(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:EXAMPLES]) + (", ..." if len(names) > EXAMPLES else "")
    return f"{len(names)} image(s) are {what}: {shown}."
