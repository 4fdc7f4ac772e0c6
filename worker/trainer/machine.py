"""The machine that a trainer runs on: device, threads, versions."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


def check_device(device: str) -> None:
    """Raises OSError if there is no GPU where one was to be used."""
    if device == "cuda" and not torch.cuda.is_available():
        raise OSError("There is no GPU any more.")


def device_name(device: str) -> str:
    """The device as a person calls it: ``cpu``, or the GPU's product name."""
    return torch.cuda.get_device_name() if device == "cuda" else device


def device_bytes(device: str) -> int | None:
    """The most memory that torch has held on a GPU so far; None on the CPU."""
    return torch.cuda.max_memory_reserved() if device == "cuda" else None


def thread_count(wish: int | None) -> int:
    """As wished, else all cores."""
    return wish or os.cpu_count() or 1


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Set the CPU threads of torch, BLAS and OpenMP."""
    torch.set_num_threads(count)
    with threadpool_limits(count):
        yield


def describe() -> dict[str, str | int | None]:
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
    }
