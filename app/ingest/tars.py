"""Tar files, plain or in gzip: their members, refused where they are no ordinary files."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.ingest.archives import Archive, Member, check_expanded, safe_name
from app.ingest.errors import TruncatedUpload, UnsafeArchive, UnsupportedFormat
from app.ingest.naming import quoted
from app.ingest.options import Limits
from app.ingest.truth import decoded

CHUNK = 1 << 20


@contextmanager
def open_tar(path: Path, limits: Limits) -> Iterator[Archive]:
    """The members of a tar that is not compressed."""
    with _tar(path) as archive:
        yield Archive(_tar_members(archive, path), limits)


def _tar(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:", encoding="utf-8")
    except (tarfile.TarError, ValueError, RecursionError) as error:
        raise UnsupportedFormat(f"The upload is not a tar archive: {error}.") from error


def _tar_members(archive: tarfile.TarFile, path: Path) -> Iterator[Member | None]:
    while info := _next(archive):
        yield _tar_member(archive, info)
    _check_end(path, archive.offset)


def _next(archive: tarfile.TarFile) -> tarfile.TarInfo | None:
    try:
        return archive.next()
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise TruncatedUpload(
            f"The tar archive is cut short or damaged at byte {archive.offset}: {error}."
        ) from error


def _check_end(path: Path, offset: int) -> None:
    """After the last member comes a block of zeros; tarfile itself takes any block for the end."""
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):
        raise TruncatedUpload(
            f"The tar archive is cut short or damaged at byte {offset}: its end is missing."
        )


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member | None:
    name = safe_name(decoded(info.name.encode("utf-8", "surrogateescape")))
    if info.isdir():
        return None
    if not info.isreg() or info.issparse() or info.size < 0:
        raise UnsafeArchive(
            f"The archive's entry {quoted(name)} is a link, a device or a sparse file, "
            "no ordinary file."
        )
    return Member(name, info.size, lambda: _opened(archive, info))


def _opened(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    assert stream  # noqa: S101 - None is for entries that are no files
    return stream


def gunzip(source: Path, target: Path, limits: Limits) -> None:
    """Unpack a .tar.gz to a .tar within the limit.

    Raises:
        TruncatedUpload: if it ends early or its checksum does not fit.
    """
    size = 0
    try:
        with gzip.open(source) as packed, target.open("wb") as file:
            while chunk := packed.read(CHUNK):
                size += len(chunk)
                check_expanded(size, limits)
                file.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TruncatedUpload(
            f"The gzip file is cut short or damaged after {size} unpacked bytes: {error}."
        ) from error
