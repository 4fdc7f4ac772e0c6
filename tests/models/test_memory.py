"""The estimate that refuses jobs, against the peak memory of real fits."""

import json
import subprocess
import sys

import pytest

from models.base import Shape
from models.catalogue import METHODS, parse

FIT = """
import importlib, json, os, resource, sys
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

def fit(n, channels, side, hyperparameters):
    images = np.random.default_rng(0).random((n, channels, side, side), dtype=np.float32)
    method = parse(hyperparameters)
    method.fit(images, 5, Run())
    # Linux's ru_maxrss begins at what the parent had when it forked; VmHWM does not
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        peak = int(line.split()[1]) * 1024
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / method.memory_bytes(Shape(n, channels, side, side), 5), flush=True)

importlib.import_module("models.training")  # what all fits load is loaded once
for case in json.loads(sys.argv[1]):
    if os.fork() == 0:
        fit(*case)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{case} failed")
"""
Case = tuple[int, int, int, dict[str, object]]


BRIEF = {"view": "contrast_mirror", "epochs": 2, "round_epochs": 2, "pretrain_max_steps": 2}
SHALLOW: list[dict[str, object]] = [
    *({"method": name} for name in sorted(set(METHODS) - {"s2convscn", "dscnet", "dasc"})),
    {"method": "ssc", "outliers": True, "max_iterations": 11},
    {"method": "edsc", "outliers": True, "max_iterations": 11},
    {"method": "soft-s3c", "outliers": True, "max_iterations": 11, "rounds": 2},
    {"method": "lrr", "affinity": "lrr", "max_iterations": 11},
]


def peaks(cases: list[Case]) -> list[float]:
    """Of fits, each in a process of its own, as shares of the estimates."""
    command = [sys.executable, "-c", FIT, json.dumps(cases)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [float(line) for line in ended.stdout.split()]


@pytest.mark.parametrize(("n", "channels", "side"), [(200, 3, 64), (1200, 1, 8)])
def test_estimates_of_networks_are_upper_bounds_and_no_fantasy(
    n: int, channels: int, side: int
) -> None:
    network: dict[str, object] = {"method": "s2convscn", **BRIEF}
    adversarial = {"method": "dasc", **BRIEF, "epochs": 6, "subspace_dimension": 40}
    for peak in peaks([(n, channels, side, method) for method in (network, adversarial)]):
        assert 0.4 < peak <= 1


@pytest.mark.slow
def test_estimates_without_a_network_are_upper_bounds() -> None:
    cases: list[Case] = []
    for method in SHALLOW:
        brief = {"pretrain_max_steps": 2} if str(method["method"]).startswith("ae-") else {}
        cases.append((1500, 1, 16, {**method, **brief, "view": "contrast_mirror"}))
    for case, peak in zip(cases, peaks(cases), strict=True):
        assert 0.3 < peak <= 1, case


def test_the_choice_of_a_view_is_counted() -> None:
    (peak,) = peaks([(500, 1, 16, {"method": "spectral"})])
    assert 0.3 < peak <= 1


def test_weights_of_deep_encoders_are_counted() -> None:
    method = parse({"method": "s2convscn", "encoder": [[15, 512]] * 8})
    assert method.memory_bytes(Shape(12, 1, 16, 16), 3) > 8 * 4 * 7 * 15**2 * 512**2
