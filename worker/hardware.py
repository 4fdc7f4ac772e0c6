"""What this worker computes on: a GPU of its own, or the CPU; and how much memory that has.

Torch does not belong into this process: a child looks for GPUs.
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from jobs.artifacts import Alive, idle
from jobs.records import Capacity, Device
from jobs.settings import SettingsError

DRIVER = Path("/proc/driver/nvidia")
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of a container's memory, of both versions of control groups."""
NAME_LENGTH = 64
ANSWER_SECONDS, POLL_SECONDS = 60.0, 0.1


class Gpu(NamedTuple):
    """``id``: as CUDA_VISIBLE_DEVICES wants it."""

    id: str
    name: str
    memory_bytes: int


class Hardware(NamedTuple):
    """``lock`` is an open file: the kernel frees the GPU with the process that holds it."""

    device: Device
    name: str
    memory_bytes: int
    lock: int | None = None

    @property
    def capacity(self) -> Capacity:
        return Capacity(device=self.device, memory_bytes=self.memory_bytes)

    @property
    def torch_device(self) -> str:
        return "cuda" if self.device is Device.GPU else "cpu"

    def is_gone(self, alive: Alive = idle) -> bool:
        """Whether a GPU computes nothing any more; its driver may hang, too."""
        return self.device is Device.GPU and not _asked("works", alive)


def choose(setting: str, limit: int | None = None) -> Hardware:
    """The CPU, or the first GPU that no other worker of this machine has; trainers see it alone.

    ``limit``: of the memory, if it shall take less than there is.

    Raises:
        SettingsError: for a GPU that is not there, or where all have a worker.
    """
    memory = limit or host_memory()
    if setting == "cpu" or (setting == "auto" and not DRIVER.exists()):
        return Hardware(Device.CPU, "cpu", memory)
    gpus = listed()
    if not gpus:
        if setting == "auto":
            return Hardware(Device.CPU, "cpu", memory)
        raise SettingsError("S2CONVSCN_DEVICE is cuda, and torch finds no GPU: say auto or cpu.")
    gpu, lock = take_first(gpus, Path(tempfile.gettempdir()))
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu.id
    return Hardware(Device.GPU, gpu.name[:NAME_LENGTH], min(memory, gpu.memory_bytes), lock)


def take_first(gpus: Sequence[Gpu], folder: Path) -> tuple[Gpu, int]:
    """A GPU and the lock on it. Raises SettingsError if others have them all."""
    for gpu in gpus:
        lock = _locked(folder / f"s2convscn-{gpu.id}.lock")
        if lock is not None:
            return gpu, lock
    raise SettingsError(
        f"Each of the {len(gpus)} GPU(s) has a worker already: start no more than one for each, or "
        "set S2CONVSCN_DEVICE=cpu."
    )


def _locked(path: Path) -> int | None:
    """The open file; None if another worker has it, perhaps another user's."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def listed() -> list[Gpu]:
    """The GPUs that torch finds."""
    return [Gpu(**found) for found in _asked("gpus")]


def _asked(what: str, alive: Alive = idle) -> Any:
    """What a child process answers; nothing if it fails or takes too long."""
    command = [sys.executable, "-P", "-m", "worker.trainer.device", what]
    child = subprocess.Popen(  # noqa: S603 - this interpreter, this project's module
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            answer, _ = child.communicate(timeout=POLL_SECONDS)
            return json.loads(answer) if child.returncode == 0 else ()
        alive()
    child.kill()
    with suppress(subprocess.TimeoutExpired):  # a driver that hangs may hold it
        child.communicate(timeout=1)
    return ()


def host_memory() -> int:
    """Bytes of the machine, or of the container if that has fewer."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in LIMITS:
        if limit.is_file() and (text := limit.read_text().strip()).isdigit():
            found = min(found, int(text))
    return found
