"""Reads the canonical form. Needs NumPy alone."""

import io
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

from jobs.errors import NotFound

if TYPE_CHECKING:
    from numpy.typing import NDArray

PNG_COLOUR_TYPES = {1: 0, 3: 2}


def has_pictures(index: dict[str, Any]) -> bool:
    """Whether the set holds images; if not, feature vectors."""
    return index["channels"] in PNG_COLOUR_TYPES


def read_image(pixels: BinaryIO, index: dict[str, Any], position: int) -> "NDArray[Any]":
    """One image as (H, W, C), uint8 or float32 in [0, 1]; reads that image's bytes alone.

    ``pixels`` is the file pixels.npy.

    Raises:
        NotFound: if the set has no image at this position.
    """
    import numpy as np  # noqa: PLC0415 - the API starts without it

    images = index["images"]
    if not 0 <= position < len(images):
        raise NotFound(f"There is no image {position}: the set has images 0 to {len(images) - 1}.")
    image = images[position]
    shape = image["height"], image["width"], index["channels"]
    version = np.lib.format.read_magic(pixels)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    _, _, kind = read_header(pixels)
    size = kind.itemsize
    pixels.seek(image["offset"] * size, io.SEEK_CUR)
    part = pixels.read(shape[0] * shape[1] * shape[2] * size)
    return np.frombuffer(part, kind).reshape(shape)


def png_bytes(image: "NDArray[Any]") -> bytes:
    """An (H, W, 1 or 3) image, uint8 or float32 in [0, 1], as a PNG of 8 bits a channel."""
    import numpy as np  # noqa: PLC0415 - as above

    height, width, channels = image.shape
    if image.dtype != np.uint8:
        image = np.rint(image * 255).astype(np.uint8)
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = image.reshape(height, -1)
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            _chunk(b"IHDR", size + bytes([8, PNG_COLOUR_TYPES[channels], 0, 0, 0])),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return len(data).to_bytes(4, "big") + kind + data + checksum.to_bytes(4, "big")
