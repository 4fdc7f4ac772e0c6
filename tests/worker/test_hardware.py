import os
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.records import Capacity, Device
from jobs.settings import SettingsError
from worker.hardware import Gpu, choose, host_memory, listed, take_first
from worker.versions import versions

GPUS = [Gpu(f"GPU-{i}", f"card {i}", 80) for i in range(2)]


def test_the_cpu_has_the_machines_memory() -> None:
    found = choose("cpu")
    assert found.capacity == Capacity(device=Device.CPU, memory_bytes=host_memory())
    assert 1 << 30 < host_memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert choose("cpu", 5).memory_bytes == 5


def test_each_gpu_has_one_worker(tmp_path: Path) -> None:
    (first, lock), (second, other) = (take_first(GPUS, tmp_path) for _ in range(2))
    assert [first, second] == GPUS
    with pytest.raises(SettingsError, match=r"Each of the 2 GPU.*S2CONVSCN_DEVICE=cpu"):
        take_first(GPUS, tmp_path)
    os.close(lock)
    again, lock = take_first(GPUS, tmp_path)
    assert again == first
    os.close(lock)
    os.close(other)


def test_a_gpu_that_is_not_there_is_said_to_be_missing() -> None:
    if listed():
        pytest.skip("this machine has a GPU")
    with pytest.raises(SettingsError, match="torch finds no GPU"):
        choose("cuda")


def test_the_versions_are_those_of_what_is_loaded() -> None:
    assert versions()["torch"] == torch.__version__
    assert versions()["numpy"] == np.__version__
