"""A local folder, which API and workers share."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from jobs.artifacts import Alive, Stored, checked, idle, sha256
from jobs.errors import KeyTaken, StoreRefused

PIECE = 16 * 1024**2
"""Bytes that are copied at a time."""


class FolderStore:
    """Implements ``ArtifactStore``. ``root`` is made if it is not there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise StoreRefused(f"The folder {self.root.name} cannot be written.")

    def path(self, key: str) -> Path:
        """The file of a key. Raises ValueError for a key that leaves the store."""
        return self.root / checked(key)

    def take(self, source: Path, key: str, alive: Alive = idle) -> None:
        """Flushed to disk first, then linked into place, which fails where a file is.

        From another file system it is copied first; one without links has it renamed.
        """
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _link(source, target, key)
        except OSError:
            _copy(source, target, key, alive)
        source.unlink()
        sync_folder(target.parent)

    def open(self, key: str) -> BinaryIO:
        return self.path(key).open("rb")

    def fetch(self, key: str, folder: Path, alive: Alive = idle) -> Path:  # noqa: ARG002 - it is here
        path = self.path(key)
        if not path.is_file():
            raise FileNotFoundError(path)
        return path

    def fetch_all(self, prefix: str, folder: Path, alive: Alive = idle) -> Path:  # noqa: ARG002
        folder = self.path(prefix)
        if not folder.is_dir():
            raise FileNotFoundError(folder)
        return folder

    def listed(self, prefix: str) -> Iterator[Stored]:
        for path in self.path(prefix).rglob("*"):
            with suppress(FileNotFoundError):  # it has just been deleted
                about = path.stat()
                if path.is_file():
                    key = path.relative_to(self.root).as_posix()
                    yield Stored(key, about.st_size, about.st_mtime)

    def remove(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)

    def delete(self, prefix: str) -> int:
        freed = sum(file.bytes for file in self.listed(prefix))
        shutil.rmtree(self.path(prefix), ignore_errors=True)
        return freed


def _link(source: Path, target: Path, key: str) -> None:
    """Raises KeyTaken, or OSError where there can be no link."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(source, target)
    except FileExistsError:
        if sha256(source) != sha256(target):
            raise KeyTaken(f"{key} is there already, with other bytes.") from None


def _copy(source: Path, target: Path, key: str, alive: Alive) -> None:
    partial = target.with_name(f".{target.name}.partial")
    try:
        _write(source, partial, alive)
        try:
            _link(partial, target, key)
        except OSError:
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _write(source: Path, target: Path, alive: Alive) -> None:
    """Flushed piece by piece: no wait in it is long."""
    with source.open("rb") as whole, target.open("wb") as copy:
        while piece := whole.read(PIECE):
            copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
            alive()


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
