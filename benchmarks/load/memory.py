"""Resident memory of the stack's processes while it is under load."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.machine import status_bytes

EVERY_SECONDS = 0.1
ROLES = {"api": ["-P", "-m", "app"], "worker": ["-P", "-m", "worker"]}


def pid(role: str, data_dir: Path) -> int:
    """The process of a role, whose environment names the data folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_text().rstrip("\0").split("\0")[1:]
            if words == ROLES[role] and str(data_dir) in (process / "environ").read_text():
                return int(process.name)
    raise RuntimeError(f"The process {role} is not there.")


@contextmanager
def watched(data_dir: Path) -> Iterator[dict[str, int]]:
    """The most bytes that each process had resident meanwhile."""
    pids = {role: pid(role, data_dir) for role in ROLES}
    found = dict.fromkeys(ROLES, 0)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_SECONDS):
            for role, number in pids.items():
                found[role] = max(found[role], status_bytes("VmRSS", str(number)) or 0)

    thread = threading.Thread(target=watch)
    thread.start()
    began = time.monotonic()
    try:
        yield found
    finally:
        time.sleep(max(0, 2 * EVERY_SECONDS - (time.monotonic() - began)))
        over.set()
        thread.join()
