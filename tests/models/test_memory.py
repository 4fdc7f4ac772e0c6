"""The estimate that refuses jobs, against the peak memory of real fits."""

import json
import subprocess
import sys

import pytest

from models.base import Shape
from models.catalogue import METHODS, parse

FIT = """
import json, resource, sys
from pathlib import Path
import numpy as np
import torch
from models.base import Shape
from models.catalogue import parse

torch.set_num_threads(1)

class Run:
    device, seed = "cpu", 0
    def resume(self): return None
    def report(self, phase, step, total, *, save=None, labels=None, **values):
        if save:
            save()

n, channels, side = map(int, sys.argv[1:4])
images = np.random.default_rng(0).random((n, channels, side, side), dtype=np.float32)
method = parse(json.loads(sys.argv[4]))
method.fit(images, 5, Run())
# Linux's ru_maxrss begins at what the parent had when it forked; VmHWM does not
status = Path("/proc/self/status")
if status.is_file():
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    peak = int(line.split()[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak / method.memory_bytes(Shape(n, channels, side, side), 5))
"""


BRIEF = {"view": "contrast_mirror", "epochs": 2, "round_epochs": 2, "pretrain_max_steps": 2}
SHALLOW: list[dict[str, object]] = [
    *({"method": name} for name in sorted(set(METHODS) - {"s2convscn", "dscnet", "dasc"})),
    {"method": "ssc", "outliers": True, "max_iterations": 11},
    {"method": "edsc", "outliers": True, "max_iterations": 11},
    {"method": "soft-s3c", "outliers": True, "max_iterations": 11, "rounds": 2},
    {"method": "lrr", "affinity": "lrr", "max_iterations": 11},
]


def peak(method: dict[str, object], n: int, channels: int, side: int) -> float:
    """Of a fit in a process of its own, as a share of the estimate."""
    sizes = map(str, (n, channels, side))
    command = [sys.executable, "-c", FIT, *sizes, json.dumps(method)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize(("n", "channels", "side"), [(200, 3, 64), (1200, 1, 8)])
def test_the_estimate_is_an_upper_bound_and_no_fantasy(n: int, channels: int, side: int) -> None:
    assert 0.4 < peak({"method": "s2convscn", **BRIEF}, n, channels, side) <= 1


@pytest.mark.parametrize(("n", "channels", "side"), [(200, 3, 64), (1200, 1, 8)])
def test_the_discriminator_is_counted(n: int, channels: int, side: int) -> None:
    method = {"method": "dasc", **BRIEF, "epochs": 6, "subspace_dimension": 40}
    assert 0.4 < peak(method, n, channels, side) <= 1


@pytest.mark.parametrize("method", SHALLOW, ids=lambda m: "-".join(map(str, m.values())))
def test_estimates_without_a_network_are_upper_bounds(method: dict[str, object]) -> None:
    brief = {"pretrain_max_steps": 2} if str(method["method"]).startswith("ae-") else {}
    assert 0.3 < peak({**method, **brief, "view": "contrast_mirror"}, 1500, 1, 16) <= 1


def test_the_choice_of_a_view_is_counted() -> None:
    assert 0.3 < peak({"method": "spectral"}, 500, 1, 16) <= 1


def test_weights_of_deep_encoders_are_counted() -> None:
    method = parse({"method": "s2convscn", "encoder": [[15, 512]] * 8})
    assert method.memory_bytes(Shape(12, 1, 16, 16), 3) > 8 * 4 * 7 * 15**2 * 512**2
