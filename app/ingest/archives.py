"""Members of zip and tar files: listed and checked first, read one by one, never extracted."""

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from app.ingest.errors import (
    CorruptImage,
    TooLarge,
    TruncatedUpload,
    UnsafeArchive,
    UnsupportedFormat,
)
from app.ingest.naming import flaw, quoted
from app.ingest.options import Limits
from app.ingest.truth import decoded
from jobs.errors import DomainError

CHUNK = 1 << 20
UTF8_FLAG = 0x800
ENCRYPTED_FLAG = 0x1
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
OWN_FOLDER = {".", "./"}
EXTRA_ENTRIES = 1000
"""Entries that are no images (folders, hidden files), beside as many as there may be images."""


class Member(NamedTuple):
    """A file in an archive; ``size`` is what the archive claims."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


class Archive:
    """The files of an archive, in its own order.

    Raises:
        UnsafeArchive: for links, devices, unsafe and duplicate names.
    """

    def __init__(self, entries: Iterator[Member | None], limits: Limits) -> None:
        self.limits = limits
        self.members: list[Member] = []
        self._read = 0
        self._collect(entries)

    def _collect(self, entries: Iterator[Member | None]) -> None:
        seen: set[str] = set()
        most = 2 * self.limits.images + EXTRA_ENTRIES
        for count, member in enumerate(entries, start=1):
            if count > most:
                raise TooLarge(f"The archive holds more than {most} entries.", limit=most)
            if member is None:
                continue
            if member.name in seen:
                raise UnsafeArchive(f"The archive holds {quoted(member.name)} twice.")
            seen.add(member.name)
            self.members.append(member)

    def read(self, member: Member, limit: int, kind: type[DomainError] = CorruptImage) -> bytes:
        """A member's bytes, all of them.

        Raises:
            TooLarge: if it, or all that was read, is too much.
            DomainError: of ``kind``, if it cannot be unpacked or the archive says another length.
        """
        with unpacking(member.name, kind), member.open() as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise TooLarge(
                f"The member {quoted(member.name)} is larger than {limit} bytes.", limit=limit
            )
        self._count(len(data))
        if len(data) != member.size:
            raise kind(
                f"The member {quoted(member.name)} has {len(data)} bytes, "
                f"and the archive says {member.size}."
            )
        return data

    def _count(self, size: int) -> None:
        self._read += size
        check_expanded(self._read, self.limits)

    def head(self, member: Member, size: int) -> bytes:
        """A member's first bytes."""
        with unpacking(member.name), member.open() as stream:
            return stream.read(size)


def check_expanded(size: int, limits: Limits) -> None:
    if size > limits.expanded_bytes:
        raise TooLarge(
            f"Unpacked, the upload is larger than {limits.expanded_bytes} bytes.",
            limit=limits.expanded_bytes,
        )


@contextmanager
def unpacking(name: str, kind: type[DomainError] = CorruptImage) -> Iterator[None]:
    """Turns an archive library's errors into a domain error of the member that is read."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        EOFError,
        NotImplementedError,
        ValueError,
    ) as error:
        raise kind(f"The member {quoted(name)} cannot be unpacked: {error}.") from error


def open_zip(path: Path, limits: Limits) -> Archive:
    """The members of a zip.

    Raises:
        TruncatedUpload: if its list of members, at its end, is missing or damaged.
    """
    try:
        archive = zipfile.ZipFile(path)
    except UnicodeDecodeError as error:
        raise UnsupportedFormat(
            "A member's name in the zip is not the UTF-8 that it is marked as: pack it again."
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
        raise TruncatedUpload(
            f"The zip's list of members, at its end, is missing or damaged ({error}): "
            "was the upload cut short?"
        ) from error
    return Archive((_zip_member(archive, info) for info in archive.infolist()), limits)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member | None:
    name = _safe(_zip_name(info))
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeArchive(f"The archive's entry {quoted(name)} is a link or a device, no file.")
    if info.is_dir() or kind == stat.S_IFDIR:
        return None
    if info.flag_bits & ENCRYPTED_FLAG:
        raise UnsupportedFormat(
            f"The member {quoted(name)} is encrypted: send it without password."
        )
    if info.compress_type not in METHODS:
        raise UnsupportedFormat(
            f"The member {quoted(name)} is compressed by method {info.compress_type}: "
            "use the usual one, deflate."
        )
    return Member(name, info.file_size, lambda: archive.open(info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name; many tools write UTF-8 without saying so."""
    name = info.orig_filename
    if info.flag_bits & UTF8_FLAG or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _safe(name: str) -> str:
    """A name with slashes alone and no leading ``./``. Raises UnsafeArchive."""
    problem = flaw(name) if name not in OWN_FOLDER else None
    if problem:
        raise UnsafeArchive(f"The archive's entry {quoted(name)} {problem}.")
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def open_tar(path: Path, limits: Limits) -> Archive:
    """The members of a tar that is not compressed."""
    return Archive(_tar_members(path), limits)


def _tar_members(path: Path) -> Iterator[Member | None]:
    try:
        archive = tarfile.open(path, "r:", encoding="utf-8")  # noqa: SIM115 - members are read later
    except (tarfile.TarError, ValueError, RecursionError) as error:
        raise UnsupportedFormat(f"The upload is not a tar archive: {error}.") from error
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
    name = _safe(decoded(info.name.encode("utf-8", "surrogateescape")))
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
