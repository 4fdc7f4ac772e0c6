"""Threads and device of a benchmark."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def computing(threads: int, device: str) -> Iterator[str]:
    """Set the CPU threads of torch and BLAS (0: all cores) and name the device."""
    count = threads or os.cpu_count() or 1
    torch.set_num_threads(count)
    with threadpool_limits(count):
        yield ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
