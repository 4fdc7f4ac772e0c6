"""One image file to pixels, by Pillow, from an allow-list of formats."""

import io
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from app.ingest.errors import CorruptImage, TooLarge, UnsupportedFormat
from app.ingest.naming import quoted
from app.ingest.options import Limits
from jobs.errors import DomainError

FORMATS = ("PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP")
READ = "PNG, JPEG, BMP, PGM, TIFF and WebP"
SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".tif", ".tiff"),
    *(".pgm", ".ppm", ".pnm", ".pbm"),
}
OTHER_SUFFIXES = {
    *(".gif", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".psd", ".ico", ".tga", ".exr"),
    *(".pfm", ".dcm", ".raw", ".cr2", ".nef", ".dng"),
}
"""Images of kinds that are not read: refused, since leaving them out would be a surprise."""
MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")
MAGIC_BYTES = 12
DEEPEST = 65535


class Picture(NamedTuple):
    """Pixels (H, W, 1 or 3), uint8 or float32 in [0, 1], and what was given up to get them."""

    pixels: NDArray[Any]
    remarks: set[str]


def looks_like_image(head: bytes) -> bool:
    """Whether a file's first bytes are those of an image, whatever its name."""
    return head.startswith(MAGICS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def decode(name: str, data: bytes, limits: Limits) -> Picture:
    """Decode the first frame of an image file, upright, in gray or RGB.

    16-bit gray becomes float32 (value / 65535); transparency is laid on white.

    Raises:
        CorruptImage, UnsupportedFormat, TooLarge: naming the image.
    """
    Image.MAX_IMAGE_PIXELS = limits.image_pixels
    if data.startswith(b"GIF8"):
        raise UnsupportedFormat(f"The image {quoted(name)} is a GIF; those read are {READ}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _decode(name, data)
    except (DomainError, MemoryError):
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise TooLarge(
            f"The image {quoted(name)} has more than {limits.image_pixels} pixels: {error}",
            limit=limits.image_pixels,
        ) from error
    except Exception as error:
        raise CorruptImage(
            f"The image {quoted(name)} cannot be decoded: {_why(data, error)}."
        ) from error


def _why(data: bytes, error: Exception) -> str:
    if not data:
        return "it has 0 bytes"
    if isinstance(error, UnidentifiedImageError):
        return f"it is none of {READ}"
    return str(error) or type(error).__name__


def _decode(name: str, data: bytes) -> Picture:
    remarks = set()
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        image.verify()
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if getattr(image, "n_frames", 1) > 1:
            remarks.add("first-frame")
        image.seek(0)
        image.load()
        upright = ImageOps.exif_transpose(image)
    if upright.mode[0] in "IF":
        return Picture(_deep(name, upright)[..., None], remarks)
    if upright.has_transparency_data:
        upright, transparent = _on_white(upright)
        remarks |= {"transparency"} if transparent else set()
    if upright.mode in ("1", "L"):
        return Picture(np.asarray(upright.convert("L"))[..., None], remarks)
    return Picture(np.asarray(upright.convert("RGB")), remarks)


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """The image laid on white, and whether that changed anything."""
    rgba = image.convert("RGBA")
    transparent = rgba.getchannel("A").getextrema() != (255, 255)
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB"), transparent


def _deep(name: str, image: Image.Image) -> NDArray[np.float32]:
    """Gray of more than 8 bits as float32 in [0, 1], (H, W)."""
    pixels = np.asarray(image)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise CorruptImage(f"The image {quoted(name)} holds values that are not finite.")
    top = 1 if pixels.dtype.kind == "f" else DEEPEST
    if pixels.min() < 0 or pixels.max() > top:
        raise UnsupportedFormat(
            f"The image {quoted(name)} holds values from {pixels.min()} to {pixels.max()}, and "
            f"those read are 0 to {top}: save it with 8 or 16 bits."
        )
    return pixels.astype(np.float32) / np.float32(top)
