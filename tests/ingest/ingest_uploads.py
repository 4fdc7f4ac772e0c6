"""Uploads made for tests, and the canonical form read back."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.ingest import Ingested, IngestOptions, sniff
from app.ingest.canonical import read_image
from app.ingest.options import Order
from app.ingest.process import PRODUCTS, limits_of
from jobs.settings import Settings

Members = Mapping[str, bytes]


class Read(NamedTuple):
    ingested: Ingested
    index: dict[str, Any]
    images: dict[str, NDArray[Any]]

    @property
    def codes(self) -> set[str]:
        return {notice.code for notice in self.ingested.notices}

    def notice(self, code: str) -> str:
        return next(n.detail for n in self.ingested.notices if n.code == code)


def read_back(folder: Path, ingested: Ingested) -> Read:
    index = json.loads((folder / "index.json").read_bytes())
    images = {}
    for i, image in enumerate(index["images"]):
        with (folder / "pixels.npy").open("rb") as file:
            images[image["name"]] = read_image(file, index, i)
    pixels = np.load(folder / "pixels.npy")
    assert pixels.ndim == 1
    assert pixels.dtype.name == index["dtype"] == ingested.dtype
    assert pixels.size == sum(image.size for image in images.values())
    assert index["channels"] == ingested.channels
    assert ingested.n_images == len(index["images"])
    assert index["classes"] == ingested.classes
    assert ingested.bytes == sum((folder / f).stat().st_size for f in PRODUCTS)
    json.dumps(index).encode()
    return Read(ingested, index, images)


def gray(seed: int, height: int = 8, width: int = 9) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(1, 255, (height, width), np.uint8)


def colour(seed: int, height: int = 8, width: int = 9) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(1, 255, (height, width, 3), np.uint8)


def encode(image: NDArray[Any] | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(file, kind, **options)
    return file.getvalue()


def png(seed: int) -> bytes:
    return encode(gray(seed))


def zipped(path: Path, members: Members, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, members: Members, **options: Any) -> Path:
    mode = "w:gz" if path.name.endswith("gz") else "w"
    with tarfile.open(path, mode, **options) as archive:
        for name, data in members.items():
            add(archive, name, data)
    return path


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", **fields: Any) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(data))


def gzipped(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data))
    return path


def npy_header(shape: tuple[int, ...], dtype: str = "<f8", *, fortran: bool = False) -> bytes:
    """The start of an .npy file that promises an array."""
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def npz(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, allow_pickle=True, **arrays)
    return path


def order_for(source: Path, settings: Settings, **options: Any) -> Order:
    kind = sniff(source, None, source.name)
    limits = limits_of(settings)
    return Order(source=str(source), kind=kind, options=IngestOptions(**options), limits=limits)
