from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from sklearn.datasets import load_digits

from benchmarks import journal, trials
from benchmarks.bench import Bench
from benchmarks.display import Display
from benchmarks.methods import Choice
from benchmarks.records import Case
from benchmarks.sets import ImageSet

torch.set_num_threads(1)

BRIEF: dict[str, Any] = {
    "encoder": [[3, 4]],
    "pretrain_batch": 40,
    "pretrain_max_steps": 12,
    "self_expression_epochs": 1,
    "epochs": 6,
    "round_epochs": 2,
}


class Spy(Display):
    """A display that remembers what it was told, and interrupts where a test says."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))
        self.steps: list[tuple[str, int]] = []
        self.known_runs: list[dict[str, Any]] = []
        self.done_runs: list[dict[str, Any]] = []
        self.interrupt_at: tuple[str, int] | None = None

    def step(self, phase: str, step: int, total: int, values: dict[str, float]) -> None:
        super().step(phase, step, total, values)
        if values:
            self.steps.append((phase, step))
        if self.interrupt_at == (phase, step):
            raise KeyboardInterrupt

    def known(self, record: dict[str, Any]) -> None:
        self.known_runs.append(record)

    def done(self, record: dict[str, Any]) -> None:
        self.done_runs.append(record)

    @property
    def phases(self) -> list[str]:
        return list(dict.fromkeys(phase for phase, _ in self.steps))


@pytest.fixture
def spy() -> type[Spy]:
    return Spy


@pytest.fixture(scope="session")
def digits() -> ImageSet:
    """Twenty images of each of four digits, class after class; it goes by the name of ORL."""
    pixels, labels = load_digits(n_class=4, return_X_y=True)
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:20] for digit in range(4)])
    images = (pixels[chosen].reshape(-1, 1, 8, 8) / 16).astype(np.float32)
    return ImageSet("orl", images, labels[chosen].astype(np.int64))


@pytest.fixture
def bench(
    digits: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Bench]:
    """A bench on a temporary folder; states are saved at every step."""
    monkeypatch.setattr(journal, "SAVE_SHARE", inf)

    def made(display: Display, images: ImageSet = digits, folder: Path = tmp_path) -> Bench:
        return Bench(images, folder / "results", folder / "cache", display, save_seconds=0)

    return made


@pytest.fixture
def brief_case() -> Callable[..., Case]:
    """A short run of a method on the whole of the digits, or on a trial."""

    def made(
        method: str = "s2convscn-l1",
        trial: trials.Trial | None = None,
        seed: int = 0,
        **overrides: Any,
    ) -> Case:
        choice = Choice("tuned", BRIEF | overrides, "brief")
        return Case("orl", trial or trials.whole(4), method, choice, seed)

    return made
