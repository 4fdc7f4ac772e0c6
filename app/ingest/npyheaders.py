"""The .npy format: headers, judged before any data is read, and the data block by block."""

from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from app.ingest.errors import TruncatedUpload, UnreadableArray
from app.ingest.options import Content, Limits
from app.ingest.stacks import Block, Layout, Stack, check_budget, check_dtype, layout_of

READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Header(NamedTuple):
    """What an .npy file says of itself; ``offset`` is where its data begin."""

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def data_bytes(self) -> int:
        return int(np.prod([1, *self.shape], dtype=object)) * self.dtype.itemsize


class Counted:
    """A stream that knows how much of it was read; a zip's members do not tell."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.position = 0

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.position += len(data)
        return data


def read_header(stream: IO[bytes], where: str) -> Header:
    """The header at the start of a stream.

    Raises:
        TruncatedUpload, UnreadableArray: if there is none.
    """
    counted: Any = Counted(stream)
    try:
        shape, by_columns, dtype = READERS[npy.read_magic(counted)](counted)
    except MemoryError:
        raise
    except Exception as error:
        if str(error).startswith("EOF"):
            raise TruncatedUpload(f"{where} ends within its header: {error}.") from error
        raise UnreadableArray(
            f"{where} has no header that NumPy understands ({error}): save it with numpy.save."
        ) from error
    header = Header(shape, by_columns, dtype, counted.position)
    if min(shape, default=0) < 0:
        raise UnreadableArray(f"{where} has the shape {shape}: lengths must not be negative.")
    return header


def checked_layout(header: Header, where: str, limits: Limits, content: Content | None) -> Layout:
    """How the array holds images or vectors, if it may be read at all.

    Raises:
        PickledArray, UnreadableArray, BadShape, TooLarge, NoImages, TooFewImages: if it may not.
    """
    check_dtype(header.dtype, where)
    layout = layout_of(header.shape, where, content)
    check_budget(layout, header.dtype, where, limits)
    return layout


def check_length(found: int, wanted: int, where: str) -> None:
    """Raises TruncatedUpload, or UnreadableArray if there is more than the header says."""
    if found < wanted:
        raise TruncatedUpload(f"{where} ends after {found} of {wanted} bytes.")
    if found > wanted:
        raise UnreadableArray(f"{where} holds more bytes than the {wanted} that its header says.")


def stack_of(path: Path, header: Header, layout: Layout) -> Stack:
    """The images of an .npy file on disk, read as they are asked for."""
    if header.by_columns:
        mapped = np.memmap(path, header.dtype, "r", header.offset, tuple(layout), "F")
        return Stack(
            layout, header.dtype, lambda start, stop: np.ascontiguousarray(mapped[start:stop])
        )

    def read(start: int, stop: int) -> Block:
        offset = header.offset + start * layout.image_values * header.dtype.itemsize
        count = (stop - start) * layout.image_values
        values = np.fromfile(path, header.dtype, count, offset=offset)
        return values.reshape(stop - start, *layout[1:])

    return Stack(layout, header.dtype, read)
