"""The estimate that refuses jobs, against the peak memory of real fits."""

import subprocess
import sys

import pytest

from models.base import Shape
from models.catalogue import parse

FIT = """
import resource, sys
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

n, channels, side = map(int, sys.argv[1:])
images = np.random.default_rng(0).random((n, channels, side, side), dtype=np.float32)
settings = {"epochs": 2, "round_epochs": 2, "pretrain_max_steps": 2}
method = parse({"method": "s2convscn", **settings})
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


@pytest.mark.parametrize(("n", "channels", "side"), [(200, 3, 64), (1200, 1, 8)])
def test_the_estimate_is_an_upper_bound_and_no_fantasy(n: int, channels: int, side: int) -> None:
    command = [sys.executable, "-c", FIT, str(n), str(channels), str(side)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 0.4 < float(found.stdout) <= 1


def test_weights_of_deep_encoders_are_counted() -> None:
    method = parse({"method": "s2convscn", "encoder": [[15, 512]] * 8})
    assert method.memory_bytes(Shape(12, 1, 16, 16), 3) > 8 * 4 * 7 * 15**2 * 512**2
