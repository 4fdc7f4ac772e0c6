"""Members of zip and tar files: listed and checked first, read one by one, never extracted."""

import errno
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from app.ingest.errors import CorruptImage, TooLarge, UnsafeArchive
from app.ingest.naming import flaw, quoted
from app.ingest.options import Limits
from jobs.errors import DomainError

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
    """Turns an archive library's errors into a domain error of the member that is read.

    That of a seek to where a false offset points (EINVAL) is one of them.
    """
    try:
        yield
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        ValueError,
        OSError,
    ) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise kind(f"The member {quoted(name)} cannot be unpacked: {error}.") from error


def safe_name(name: str) -> str:
    """A name with slashes alone and no leading ``./``. Raises UnsafeArchive."""
    problem = flaw(name) if name not in OWN_FOLDER else None
    if problem:
        raise UnsafeArchive(f"The archive's entry {quoted(name)} {problem}.")
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
