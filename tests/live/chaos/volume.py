"""A small file system that can be full."""

import errno
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MEBIBYTES = 192
MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"
BLOCKS = (1 << 20, 1 << 12)


class Volume:
    """A tmpfs on a folder; ``missing`` says why there is none, if there is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        command = [MOUNT, "-t", "tmpfs", "-o", f"size={MEBIBYTES}m", "chaos", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.missing = (
            f"no file system can be mounted here ({done.stderr.strip()})"
            if done.returncode
            else None
        )

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a block is left."""
        ballast = self.folder / ".ballast"
        try:
            with ballast.open("wb", buffering=0) as file:
                for size in BLOCKS:
                    fill(file.write, bytes(size))
            yield
        finally:
            ballast.unlink()

    def close(self) -> None:
        if not self.missing:
            subprocess.run([UMOUNT, "--lazy", str(self.folder)], check=True)


def fill(write: Callable[[bytes], int | None], block: bytes) -> None:
    """Write until there is no room for a block."""
    try:
        while write(block) == len(block):
            pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
