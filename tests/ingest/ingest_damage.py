"""Sound uploads of every kind that a reader takes, and random damage where it meets that reader.

Damage to a member is done before it is packed: no checksum of an archive gives it away.
"""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from ingest_uploads import colour, encode, gray, gzipped, png, tarred, zipped
from PIL import Image
from scipy.io import savemat

EDGES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
HEAD = 64
STACK = np.stack([gray(i) for i in range(4)])


class Reader(NamedTuple):
    """``sound`` is damaged, then ``pack`` makes a file of it that is sent."""

    sound: bytes
    pack: Callable[[Path, bytes], Path]


def damaged(sound: bytes, random: Random) -> bytes:
    """One to four changes: bytes overwritten, cut out, doubled, added, or the end cut off."""
    data = bytearray(sound)
    for _ in range(random.randint(1, 4)):
        near = HEAD if random.random() < 0.5 else len(data)
        start = random.randrange(max(min(near, len(data)), 1))
        length = random.randint(1, 8)
        match random.randrange(6):
            case 0:
                data[start : start + length] = random.randbytes(length)
            case 1:
                data[start : start + length] = bytes([random.choice(EDGES)]) * length
            case 2:
                del data[start : start + length]
            case 3:
                data[start:start] = data[start : start + 4 * length]
            case 4:
                data[start:start] = random.randbytes(length)
            case _:
                del data[max(start, 1) :]
    return bytes(data)


def member(name: str) -> Callable[[Path, bytes], Path]:
    """Beside a sound image in a zip."""
    return lambda folder, data: zipped(folder / "zip.zip", {name: data, "other.png": png(2)})


def labels(folder: Path, data: bytes) -> Path:
    return zipped(folder / "zip.zip", {"a.png": png(1), "b.png": png(2), "labels.csv": data})


def array(folder: Path, data: bytes) -> Path:
    """In an .npz, as its only array."""
    return zipped(folder / "npz.npz", {"images.npy": data}, zipfile.ZIP_DEFLATED)


def whole(name: str) -> Callable[[Path, bytes], Path]:
    def make(folder: Path, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def written(write: Callable[[Path], object], name: str) -> bytes:
    """What is written into a file of that name."""
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, STACK * 0.5)
    return file.getvalue()


def mat(*, packed: bool) -> bytes:
    fea = {"fea": STACK[:, :8, :8].reshape(4, -1) * 0.5, "gnd": [[1], [2], [3], [4]]}
    return written(lambda path: savemat(path, fea, do_compression=packed), "mat.mat")


def image(kind: str, picture: Image.Image | None = None, **options: object) -> Reader:
    suffix = {"JPEG": "jpg", "PPM": "pgm"}.get(kind, kind.lower())
    data = encode(picture or Image.fromarray(gray(1, 16, 16)), kind, **options)
    return Reader(data, member(f"a.{suffix}"))


TURNED = Image.Exif()
TURNED[274] = 6
FRAMES = [Image.fromarray(colour(i)) for i in (1, 2)]
MEMBERS = {"a/1.png": png(1), "b/2.png": png(2), "labels.csv": b"1.png,x\n2.png,y\n"}
TAR = written(lambda path: tarred(path, MEMBERS), "tar.tar")

READERS: dict[str, Reader] = {
    "png": image("PNG"),
    "png of a palette": image("PNG", Image.fromarray(colour(1)).quantize(16)),
    "png of 16 bits": image("PNG", Image.fromarray(gray(1).astype(np.uint16) * 257)),
    "png with alpha": image("PNG", Image.fromarray(colour(1)).convert("RGBA")),
    "jpeg": image("JPEG"),
    "jpeg, progressive": image("JPEG", Image.fromarray(colour(1, 16, 16)), progressive=True),
    "jpeg of CMYK": image("JPEG", Image.fromarray(colour(1)).convert("CMYK")),
    "jpeg, turned by EXIF": image("JPEG", exif=TURNED),
    "bmp": image("BMP"),
    "pgm": image("PPM"),
    "tiff": image("TIFF"),
    "tiff, packed": image("TIFF", compression="tiff_lzw"),
    "tiff of 16 bits": image("TIFF", Image.fromarray(gray(1).astype(np.uint16) * 257)),
    "webp": image("WEBP"),
    "webp, animated": image("WEBP", FRAMES[0], save_all=True, append_images=FRAMES[1:]),
    "labels.csv": Reader(b"a.png,x\nb.png,y\n", labels),
    "npy": Reader(npy(), whole("npy.npy")),
    "npy in an npz": Reader(npy(), array),
    "npz": Reader(
        written(lambda path: np.savez(path, images=STACK, labels=np.arange(4)), "npz.npz"),
        whole("npz.npz"),
    ),
    "mat": Reader(mat(packed=False), whole("mat.mat")),
    "mat, packed": Reader(mat(packed=True), whole("mat.mat")),
    "zip": Reader(written(lambda path: zipped(path, MEMBERS), "zip.zip"), whole("zip.zip")),
    "tar": Reader(TAR, whole("tar.tar")),
    "tar in a gzip": Reader(TAR, lambda folder, data: gzipped(folder / "tar.tar.gz", data)),
    "tar.gz": Reader(
        written(lambda path: tarred(path, MEMBERS), "tar.tar.gz"), whole("tar.tar.gz")
    ),
}
