"""A stack of images in an array: its layout, its values brought to 0..1, block by block.

Feature vectors are a stack, too, and keep their values.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ingest.errors import BadShape, PickledArray, TooLarge, UnreadableArray
from app.ingest.naming import quoted
from app.ingest.options import Content, Limits
from app.ingest.vectors import DIMENSIONS, check_vectors, rows_of
from app.ingest.writer import Writer, check_count
from jobs.records import COLOURS, Notice

BLOCK_BYTES = 32 * 1024**2
WIDEST = 8
GRAY_DIMENSIONS = 3
COLOUR_DIMENSIONS = 4
BYTE_TOP = 255
WORD_TOP = 65535

Block = NDArray[Any]
Convert = Callable[[Block], Block]


class Layout(NamedTuple):
    """N images of H x W x C, or N feature vectors of 1 x 1 x D."""

    images: int
    height: int
    width: int
    channels: int

    @property
    def image_values(self) -> int:
        return self.height * self.width * self.channels

    @property
    def is_features(self) -> bool:
        return self.channels > COLOURS


class Stack(NamedTuple):
    """Images in an array; ``read(start, stop)`` gives them as (B, H, W, C) of ``dtype``."""

    layout: Layout
    dtype: np.dtype[Any]
    read: Callable[[int, int], Block]

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """All images in order: the first one's position, and a few megabytes of them."""
        size = max(1, BLOCK_BYTES // (self.layout.image_values * WIDEST))
        for start in range(0, self.layout.images, size):
            yield start, self.read(start, min(start + size, self.layout.images))


class Values(NamedTuple):
    """What all numbers of a stack have in common."""

    low: float
    high: float
    whole: bool


def layout_of(shape: tuple[int, ...], where: str, content: Content | None = None) -> Layout:
    """N x H x W, or N x H x W x C with one or three channels, or N x D. Raises BadShape."""
    if content == "features" or (content is None and len(shape) == DIMENSIONS):
        count, length = rows_of(shape, where)
        return Layout(count, 1, 1, length)
    wanted = (
        "N x H x W for gray images, or N x H x W x 3 for RGB (feature vectors are N x D, with "
        "kind=features)"
    )
    size = " x ".join(map(str, shape)) or "a single number"
    if len(shape) not in (GRAY_DIMENSIONS, COLOUR_DIMENSIONS):
        raise BadShape(f"{where} is {size}: it must be {wanted}.")
    layout = Layout(*shape, *((1,) if len(shape) == GRAY_DIMENSIONS else ()))
    if layout.channels not in (1, COLOURS):
        raise BadShape(
            f"{where} is {size}, and so has {layout.channels} channels: it must be {wanted}."
        )
    if min(layout[1:]) < 1:
        raise BadShape(f"{where} is {size}: its images have no pixels.")
    return layout


def check_dtype(dtype: np.dtype[Any], where: str) -> None:
    """Raises PickledArray, or UnreadableArray for what is no array of real numbers."""
    if dtype.hasobject:
        raise PickledArray(
            f"{where} holds Python objects: save it as an array of numbers, as with "
            "numpy.stack(images)."
        )
    if dtype.kind not in "buif" or dtype.itemsize > WIDEST:
        raise UnreadableArray(
            f"{where} is of type {dtype}: images and feature vectors are booleans, integers or "
            "real numbers of at most 64 bits."
        )


def check_budget(layout: Layout, dtype: np.dtype[Any], where: str, limits: Limits) -> None:
    """Whether a stack may be read, from what its header says. Raises TooLarge and others."""
    check_count(layout.images, limits)
    values = layout.images * layout.image_values
    length, of = layout.height * layout.width, "pixels an image"
    if layout.is_features:
        length, of = layout.channels, "values a vector"
    for found, limit, what in (
        (length, limits.image_pixels, of),
        (values, limits.dataset_bytes, "values"),
        (values * dtype.itemsize, limits.expanded_bytes, "bytes"),
    ):
        if found > limit:
            raise TooLarge(
                f"{where} asks for {found} {what}, and at most {limit} are accepted.",
                limit=limit,
                found=found,
            )


def write_stack(stack: Stack, names: Sequence[str], writer: Writer) -> list[Notice]:
    """Give all images, scaled, or vectors to the writer; returns what to tell of the scaling."""
    convert, notices = (unscaled if stack.layout.is_features else scaling)(stack, names)
    for start, block in stack.blocks():
        for offset, image in enumerate(convert(block)):
            writer.add(names[start + offset], image)
    return notices


def unscaled(stack: Stack, names: Sequence[str]) -> tuple[Convert, list[Notice]]:
    """Vectors keep their numbers. Raises UnreadableArray."""
    for start, block in stack.blocks():
        check_vectors(block, names[start : start + len(block)], start)
    return lambda block: block.astype(np.float32), []


def scaling(stack: Stack, names: Sequence[str]) -> tuple[Convert, list[Notice]]:
    """How images' numbers become brightness; the first rule that fits all of them is taken.

    1. booleans: black and white. 2. uint8: as they are. 3. real numbers in 0..1: as they are.
    4. numbers in 0..255 of which one is above 1: that scale, as uint8 if all are whole.
    5. uint16: 65535 is white. 6. any other: the set's least is black, its largest white.
    Rules 4 (unless whole) and 6 are told in a notice.
    """
    if stack.dtype.kind == "b":
        return lambda block: block.astype(np.uint8) * np.uint8(BYTE_TOP), []
    if stack.dtype == np.uint8:
        return lambda block: block, []
    values = survey(stack, names)
    if stack.dtype.kind == "f" and values.low >= 0 and values.high <= 1:
        return lambda block: block.astype(np.float32), []
    if values.low >= 0 and 1 < values.high <= BYTE_TOP:
        return _bytes(values)
    if stack.dtype == np.dtype(np.uint16).newbyteorder(stack.dtype.byteorder) and values.high > 1:
        return lambda block: block.astype(np.float32) / np.float32(WORD_TOP), []
    return _stretch(values)


def _bytes(values: Values) -> tuple[Convert, list[Notice]]:
    if values.whole:
        return lambda block: block.astype(np.uint8), []
    detail = (
        f"The values, {values.low:g} to {values.high:g}, are taken to be on a scale of 0 to 255."
    )
    return (
        lambda block: (block.astype(np.float64) / BYTE_TOP).astype(np.float32),
        [Notice(code="scaled-values", detail=detail)],
    )


def _stretch(values: Values) -> tuple[Convert, list[Notice]]:
    """Halves keep the difference of two large numbers finite."""
    low, span = values.low / 2, values.high / 2 - values.low / 2 or 1.0

    def convert(block: Block) -> Block:
        scaled = (block.astype(np.float64) / 2 - low) / span
        return np.clip(scaled, 0, 1).astype(np.float32)

    detail = (
        f"The values, {values.low:g} to {values.high:g}, are on no scale that is known: the least "
        "became black and the largest white."
    )
    return convert, [Notice(code="scaled-values", detail=detail)]


def survey(stack: Stack, names: Sequence[str]) -> Values:
    """Range and wholeness of all numbers.

    Raises:
        UnreadableArray: naming the first image with a number that is not finite.
    """
    low, high, whole = np.inf, -np.inf, True
    for start, block in stack.blocks():
        if stack.dtype.kind == "f":
            _check_finite(block, names[start : start + len(block)], start)
            whole = whole and bool((block == np.rint(block)).all())
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    return Values(low, high, whole)


def _check_finite(block: Block, names: Sequence[str], start: int) -> None:
    good = np.isfinite(block).all(axis=(1, 2, 3))
    if not good.all():
        at = int(np.argmin(good))
        raise UnreadableArray(
            f"Image {start + at} ({quoted(names[at])}) holds a NaN or infinite value: "
            "all values must be finite."
        )
