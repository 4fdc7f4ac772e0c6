"""Writes the canonical form image by image: pixels.npy (one flat array) and index.json."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ingest.errors import NoImages, TooFewImages, TooLarge
from app.ingest.naming import quoted
from app.ingest.options import Ingested, Limits
from app.ingest.survey import Survey
from jobs.records import COLOURS, Notice

HEADER_BYTES = 128
BYTE = np.dtype(np.uint8)
FLOAT = np.dtype(np.float32)


class Truth(NamedTuple):
    """``labels`` are indexes into ``classes``, one for each image in the order of the index."""

    labels: list[int]
    classes: list[str]


class Entry(NamedTuple):
    """One image in the spool, where each keeps its own channels and type."""

    name: str
    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels


class Writer:
    """Images are spooled as they come; the common form is known, and made, at the end."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.limits = limits
        self.entries: list[Entry] = []
        self.survey = Survey()
        self._pixels = 0
        self._channels = 1
        self._dtype = BYTE
        self._spool = (folder / "spool").open("w+b")
        self._spool.write(bytes(HEADER_BYTES))

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]

    def add(self, name: str, image: NDArray[Any]) -> None:
        """Append one image: (H, W, 1 or 3), uint8, or float32 in [0, 1]; or a vector: (1, 1, D).

        Raises:
            TooLarge: if the set grows beyond its limits.
        """
        image = _gray_if_it_is(image)
        height, width, channels = image.shape
        self._pixels += height * width
        self._channels = max(self._channels, channels)
        self._dtype = np.promote_types(self._dtype, image.dtype)
        self.entries.append(Entry(name, height, width, channels, image.dtype))
        self._check_size(name)
        self.survey.see(name, image)
        self._spool.write(np.ascontiguousarray(image).data)

    def _check_size(self, name: str) -> None:
        size = self._pixels * self._channels * self._dtype.itemsize
        if size > self.limits.dataset_bytes:
            raise TooLarge(
                f"Decoded, the images up to {quoted(name)} are {size} bytes, and a set may have "
                f"{self.limits.dataset_bytes}: send fewer or smaller images.",
                limit=self.limits.dataset_bytes,
                found=size,
            )

    def close(self) -> None:
        self._spool.close()

    def finish(self, truth: Truth | None, notices: list[Notice]) -> Ingested:
        """Make the set's files: pixels.npy and index.json in the writer's folder."""
        self._make_pixels()
        self._make_index(truth)
        return self._ingested(truth, notices)

    def _make_pixels(self) -> None:
        count = self._pixels * self._channels
        if all(e.channels == self._channels and e.dtype == self._dtype for e in self.entries):
            self._spool.seek(0)
            self._spool.write(_header(self._dtype, count))
        else:
            self._convert(count)
        self._spool.close()
        (self.folder / "spool").replace(self.folder / "pixels.npy")

    def _convert(self, count: int) -> None:
        """Give all images the widest type and channels that any of them has."""
        self._spool.flush()
        self._spool.seek(HEADER_BYTES)
        converted = (self.folder / "converted").open("w+b")
        converted.write(_header(self._dtype, count))
        for entry in self.entries:
            pixels = np.fromfile(self._spool, entry.dtype, int(np.prod(entry.shape)))
            image = as_type(pixels.reshape(entry.shape), self._dtype)
            shape = (entry.height, entry.width, self._channels)
            converted.write(np.ascontiguousarray(np.broadcast_to(image, shape)).data)
        self._spool.close()
        self._spool = converted
        (self.folder / "converted").replace(self.folder / "spool")

    def _make_index(self, truth: Truth | None) -> None:
        images: list[dict[str, Any]] = []
        offset = 0
        for e in self.entries:
            images.append({"name": e.name, "height": e.height, "width": e.width, "offset": offset})
            offset += e.height * e.width * self._channels
        index = {
            "version": 1,
            "channels": self._channels,
            "dtype": self._dtype.name,
            "images": images,
            "truth": truth.labels if truth else None,
            "classes": truth.classes if truth else None,
        }
        with (self.folder / "index.json").open("w", encoding="utf-8") as file:
            json.dump(index, file, separators=(",", ":"))

    def _ingested(self, truth: Truth | None, notices: list[Notice]) -> Ingested:
        first = self.entries[0]
        same = len(self.survey.sizes) == 1
        return Ingested(
            n_images=len(self.entries),
            height=first.height if same else None,
            width=first.width if same else None,
            channels=self._channels,
            dtype=self._dtype.name,
            classes=truth.classes if truth else None,
            bytes=sum((self.folder / f).stat().st_size for f in ("pixels.npy", "index.json")),
            notices=notices + self.survey.notices(),
        )


def check_count(count: int, limits: Limits) -> None:
    """Whether a set may have so many images, known before the first is decoded.

    Raises:
        NoImages, TooFewImages, TooLarge: if it may not.
    """
    if count == 0:
        raise NoImages("The upload holds no image: send at least two.")
    if count == 1:
        raise TooFewImages("The upload holds one image: send at least two.")
    if count > limits.images:
        raise TooLarge(
            f"The upload holds {count} images, and a set may have {limits.images}.",
            limit=limits.images,
            found=count,
        )


def as_type(image: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """uint8 to float32 in [0, 1] where that is asked for."""
    if image.dtype == BYTE and dtype == FLOAT:
        return image.astype(np.float32) / np.float32(255)
    return image


def _gray_if_it_is(image: NDArray[Any]) -> NDArray[Any]:
    red = image[..., :1]
    return red if image.shape[2] == COLOURS and (image == red).all() else image


def _header(dtype: np.dtype[Any], count: int) -> bytes:
    """The header of a flat .npy of version 1.0, always of the same length."""
    text = repr({"descr": dtype.str, "fortran_order": False, "shape": (count,)})
    padding = HEADER_BYTES - 10
    return (
        b"\x93NUMPY\x01\x00"
        + padding.to_bytes(2, "little")
        + text.ljust(padding - 1).encode()
        + b"\n"
    )
