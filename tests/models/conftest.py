from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from models.base import FloatArray, IntArray, State, Stopped

NOISE = 1e-3
torch.set_num_threads(1)  # tiny matrices: threads that wait for each other cost more than they give


@dataclass
class Recorder:
    """A run that remembers what was reported, and stops or saves where a test says."""

    device: str = "cpu"
    seed: int = 0
    stop_at: tuple[str, int] | None = None
    state: State | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    partitions: list[tuple[int, IntArray]] = field(default_factory=list)

    def report(
        self,
        phase: str,
        step: int,
        total: int,
        *,
        save: Callable[[], State] | None = None,
        labels: IntArray | None = None,
        **values: float,
    ) -> None:
        if values:
            self.rows.append({"phase": phase, "epoch": step, "epochs": total, **values})
        if labels is not None:
            self.partitions.append((step, labels.copy()))
        if self.stop_at == (phase, step):
            self.state = save() if save is not None else None
            raise Stopped

    def resume(self) -> State | None:
        return self.state


def subspace_images(
    n_clusters: int = 3, per_cluster: int = 30, side: int = 12, dimension: int = 4, seed: int = 0
) -> tuple[FloatArray, IntArray]:
    """Images from orthogonal subspaces: each cluster draws with its own pixels. (N, 1, H, W).

    The clean-up of C assumes about N/(6n) dimensions; far fewer and it splits clusters. There is
    a thousandth of noise, as in any camera: on none at all, lasso has many solutions and creeps.
    """
    rng = np.random.default_rng(seed)
    owner = rng.permutation(side * side) % n_clusters
    images, labels = [], []
    for cluster in range(n_clusters):
        basis = rng.uniform(0.2, 1, (dimension, side * side)) * (owner == cluster)
        weights = rng.uniform(0.1, 1, (per_cluster, dimension))
        drawn = weights @ basis / dimension
        images.append(drawn * rng.normal(1, NOISE, drawn.shape))
        labels.append(np.full(per_cluster, cluster))
    order = rng.permutation(n_clusters * per_cluster)
    X = np.concatenate(images)[order].reshape(-1, 1, side, side).astype(np.float32)
    return X, np.concatenate(labels)[order].astype(np.int64)


@pytest.fixture
def subspaces() -> tuple[FloatArray, IntArray]:
    return subspace_images()


@pytest.fixture
def recorder() -> type[Recorder]:
    return Recorder


@pytest.fixture
def parted(recorder: Any) -> Any:
    """A recorder that is told of the parts of a job of several fits."""

    class Parted(recorder):  # type: ignore[misc]
        parts: tuple[tuple[int, int], ...] = ()

        def part(self, number: int, of: int) -> None:
            self.parts = (*self.parts, (number, of))

    return Parted
