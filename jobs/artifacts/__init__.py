"""The artifact store: files under keys; a key is visible only when its file is whole.

A key is written once. The same bytes again are no error, other bytes are refused, so that an
attempt that comes late can overwrite nothing.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, Protocol
from urllib.parse import urlsplit

from jobs.records import Artifact
from jobs.settings import Settings

CHUNK = 1 << 20
Alive = Callable[[], None]
"""Called now and then by what may take long, such as bytes on their way to a store."""


class Stored(NamedTuple):
    """A file in the store; ``modified`` in seconds since 1970."""

    key: str
    bytes: int
    modified: float


class ArtifactStore(Protocol):
    """Keys are relative POSIX paths such as ``jobs/ID/2/affinity.npz``.

    Every method raises ValueError for a key that leaves the store, and StoreUnavailable when the
    store does not answer.
    """

    def check(self) -> None:
        """Whether files can be written. Raises StoreRefused, or StoreUnavailable."""

    def take(self, source: Path, key: str, alive: Alive = ...) -> None:
        """Move a finished file into the store. Raises KeyTaken if the key has other bytes."""

    def open(self, key: str) -> BinaryIO:
        """The file, seekable. Raises FileNotFoundError."""

    def fetch(self, key: str, folder: Path, alive: Alive = ...) -> Path:
        """A local file with the key's bytes, not to be changed: the store's own, or one in folder.

        Raises FileNotFoundError.
        """

    def fetch_all(self, prefix: str, folder: Path, alive: Alive = ...) -> Path:
        """A local folder with the files directly under a prefix, not to be changed.

        Raises FileNotFoundError if there are none.
        """

    def listed(self, prefix: str) -> Iterator[Stored]:
        """Every file under a key prefix, which ends where a path's part ends."""

    def remove(self, key: str) -> None:
        """One file; none is no error."""

    def delete(self, prefix: str) -> int:
        """Remove everything under a key prefix; returns the bytes freed."""


def idle() -> None:
    """Tell nobody."""


def open_store(settings: Settings) -> ArtifactStore:
    """The store that the settings name: a local folder, or a bucket."""
    if settings.artifacts_url is None:
        from jobs.artifacts.folder import FolderStore  # noqa: PLC0415 - one of two

        return FolderStore(settings.artifacts_dir)
    from jobs.artifacts.s3 import S3Store, connect  # noqa: PLC0415 - as above

    url = urlsplit(settings.artifacts_url)
    return S3Store(connect(settings), url.netloc, url.path.strip("/"))


def checked(key: str) -> PurePosixPath:
    """The key as a path. Raises ValueError for one that leaves the store."""
    pure = PurePosixPath(key)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        message = f"not a key: {key!r}"
        raise ValueError(message)
    return pure


def read(store: ArtifactStore, key: str) -> bytes:
    """All bytes of a small file. Raises FileNotFoundError."""
    with store.open(key) as file:
        return file.read()


def describe(path: Path, key: str, kind: str, media_type: str) -> Artifact:
    """An artifact's record: size and sha-256 read from the file."""
    return Artifact(
        name=path.name,
        kind=kind,
        media_type=media_type,
        bytes=path.stat().st_size,
        sha256=sha256(path),
        key=key,
    )


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return digest(file)


def digest(file: BinaryIO) -> str:
    """The sha-256 of what is left of a file."""
    found = hashlib.sha256()
    while chunk := file.read(CHUNK):
        found.update(chunk)
    return found.hexdigest()
