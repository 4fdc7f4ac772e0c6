"""What a GPU runs, run on the CPU beside what a CPU runs."""

from typing import Any

import numpy as np
import pytest
import torch

from models import accelerated, affinity
from models.base import FloatArray
from models.hyperparameters import PostProcessing
from models.spectral import embed, sparsely, spectral_clustering


def coefficients(sizes: tuple[int, ...], seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    inside = owner[:, None] == owner
    C = rng.normal(size=(len(owner),) * 2) * 0.1 + inside * rng.uniform(0.5, 1, inside.shape)
    np.fill_diagonal(C, 0)
    return C.astype(np.float32)


def subspace_angle(U: FloatArray, V: FloatArray) -> float:
    """Sine of the largest angle between two spans."""
    rest = U - V @ (V.T @ U)
    return float(np.linalg.norm(rest, 2))


@pytest.mark.parametrize("axis", ["row", "column"])
@pytest.mark.parametrize("share", [0.2, 0.7, 1.0])
def test_threshold(axis: Any, share: float) -> None:
    C = coefficients((12, 9, 14))
    C[3] = 0
    C[5] = np.round(C[5], 1)  # ties
    found = accelerated.threshold(torch.from_numpy(C), share, axis).numpy()
    assert np.array_equal(found, affinity.threshold(C, share, axis))


@pytest.mark.parametrize(
    "settings",
    [
        {"spectrum": "positive"},
        {"spectrum": "magnitude"},
        {"spectrum": "magnitude", "unit_diagonal": True, "threshold": 0.6},
    ],
)
def test_post_processing(settings: dict[str, Any]) -> None:
    C, chosen = coefficients((30, 25, 35)), PostProcessing(dimension=4, **settings)
    found = accelerated.processed(torch.from_numpy(C), 3, chosen).numpy()
    assert np.allclose(found, affinity.processed(C, 3, chosen), atol=2e-4)


def graphs() -> dict[str, FloatArray]:
    chosen = PostProcessing(dimension=4, power=4, spectrum="positive", neighbours=6)
    apart = affinity.processed(coefficients((60, 70, 50, 80)), 4, chosen)
    joined = apart + np.float32(1e-3) * affinity.plain(coefficients((260,)))
    alone = joined.copy()
    alone[7] = alone[:, 7] = 0
    return {
        "sparse": apart,
        "dense": affinity.plain(coefficients((60, 70, 50, 80))),
        "joined": joined,
        "an image alone": alone,
        "small": affinity.plain(coefficients((5, 4, 6, 5))),
    }


@pytest.mark.parametrize("name", graphs())
def test_embedding_spans_the_same_space(name: str) -> None:
    A = graphs()[name]
    values, V = accelerated.embed(torch.from_numpy(A), 4)
    exact = np.linalg.eigh(accelerated.normalised(torch.from_numpy(A)).numpy())
    assert np.allclose(1 - values, 1 - exact[0][::-1][:5], rtol=5e-3, atol=1e-9)
    assert values[3] - values[4] < 1e-9 or subspace_angle(V, exact[1][:, -4:]) < 1e-2
    assert V.shape == (len(A), 4)


def test_it_proves_what_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Krylov space that has converged nowhere is not taken."""
    A = graphs()["joined"]
    monkeypatch.setattr(accelerated, "_operator", lambda *_: lambda X: X)
    found = accelerated.krylov(accelerated.normalised(torch.from_numpy(A)), 4)
    assert found is not None
    assert not found.accurate
    values, _ = accelerated.embed(torch.from_numpy(A), 4)
    assert np.allclose(values, embed(sparsely(A), 4)[0], atol=1e-3)


def test_more_clusters_than_vectors_to_spare() -> None:
    values, V = accelerated.embed(torch.from_numpy(graphs()["small"]), 20)
    assert len(values) == 20
    assert V.shape == (20, 20)


def test_clusters_without_any_affinity() -> None:
    values, V = accelerated.embed(torch.zeros(6, 6), 3)
    assert np.allclose(values, 0)
    assert np.isfinite(V).all()


def test_an_array_and_a_tensor_are_clustered_alike() -> None:
    A = graphs()["sparse"]
    found = spectral_clustering(torch.from_numpy(A), 4, 0)
    assert np.array_equal(found.labels, spectral_clustering(A, 4, 0).labels)
