"""Peak memory of training, each in a process of its own (Linux).

Counted is what the process's resident memory rises to in two epochs above what it held before:
libraries loaded, images in memory, two epochs of a few images done. So every weight, gradient,
moment, feature map and scratch space of a library is in it; interpreter and code are not.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from benchmarks.speed.cases import Case, ours, yardstick

FEW = "few features"
FEW_IMAGES = 4096
"""Images of the case in which feature maps weigh next to nothing, so that N x N matrices show."""
CONTENDERS = ("highest", "medium", "bf16", "yardstick")


def measure(case: Case) -> dict[str, object]:
    """Peaks in MB and in N^2 floats, for all that can be trained."""
    threads, N = torch.get_num_threads(), len(case.images)
    peaks = {contender: peak(case, contender, threads) for contender in CONTENDERS}
    return {
        "megabytes": {name: peak / 1e6 for name, peak in peaks.items()},
        "squares": {name: peak / (4 * N * N) for name, peak in peaks.items()},
    }


def few_features() -> Case:
    """Random images for ORL's encoder: p = 80, so that N x p is a fiftieth of N x N."""
    images = np.random.default_rng(0).random((FEW_IMAGES, 1, 32, 32), dtype=np.float32)
    return Case("orl", images, 40, real=False, truth=np.arange(FEW_IMAGES) % 40)


def peak(case: Case, contender: str, threads: int) -> int:
    """Bytes, by a process of its own: one that did other work has memory to spare."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(risen, case, contender, threads).result()


def risen(case: Case, contender: str, threads: int) -> int:
    """Bytes by which the peak of two epochs lies above what was held before."""
    torch.set_num_threads(threads)
    _train(case._replace(images=case.images[: 2 * case.n_clusters]), contender)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    _train(case, contender)
    return _resident("VmHWM") - before


def _train(case: Case, contender: str) -> None:
    settings = case.settings()
    if contender == "yardstick":
        step = yardstick(case, settings, bare=False).step
    else:
        step = ours(case, settings.model_copy(update={"precision": contender})).step
    for _ in range(2):
        step()


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(kilobytes) * 1024
