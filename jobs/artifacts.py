"""The artifact store: files under keys; a key is visible only when its file is whole."""

import hashlib
import os
import shutil
from pathlib import Path, PurePosixPath

from jobs.records import Artifact

CHUNK = 1 << 20


class ArtifactStore:
    """A local folder. Keys are relative POSIX paths such as ``jobs/ID/2/affinity.npz``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """The file of a key. Raises ValueError for a key that leaves the store."""
        pure = PurePosixPath(key)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            message = f"not a key: {key!r}"
            raise ValueError(message)
        return self.root / pure

    def take(self, source: Path, key: str) -> None:
        """Move a finished file into the store: flushed to disk first, then renamed into place."""
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as file:
            os.fsync(file.fileno())
        try:
            source.replace(target)
        except OSError:
            partial = target.with_name(f".{target.name}.partial")
            shutil.copyfile(source, partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(target)
            source.unlink()
        sync_folder(target.parent)

    def delete(self, prefix: str) -> int:
        """Remove everything under a key prefix; returns the bytes freed."""
        folder = self.path(prefix)
        if not folder.exists():
            return 0
        freed = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        shutil.rmtree(folder, ignore_errors=True)
        return freed

    def folders(self, prefix: str) -> list[Path]:
        """The immediate folders under a key prefix."""
        folder = self.path(prefix)
        return [child for child in folder.iterdir() if child.is_dir()] if folder.exists() else []


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
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
