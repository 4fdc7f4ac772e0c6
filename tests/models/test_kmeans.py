"""k-means by local search beside scikit-learn's best of twenty; and the components of a graph."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from models.base import FloatArray, IntArray
from models.kmeans import CANDIDATES, kmeans, points, refine, swapped
from models.spectral import components

WORSE = 1.02
"""Inertia as a share of scikit-learn's best of twenty, at most."""


def inertia(X: FloatArray, labels: IntArray) -> float:
    return sum(
        float(((X[labels == k] - X[labels == k].mean(axis=0)) ** 2).sum()) for k in set(labels)
    )


def apart() -> tuple[FloatArray, int]:
    return make_blobs(400, 5, centers=8, cluster_std=0.5, random_state=0)[0], 8


def overlapping() -> tuple[FloatArray, int]:
    return make_blobs(600, 10, centers=20, cluster_std=4, random_state=1)[0], 20


def unequal() -> tuple[FloatArray, int]:
    sizes = [300, 100, 30, 10, 10, 5]
    return make_blobs(sizes, 4, cluster_std=[3, 1, 1, 0.5, 0.5, 0.2], random_state=2)[0], 6


def shapeless() -> tuple[FloatArray, int]:
    return np.random.default_rng(3).uniform(size=(500, 3)), 12


def directions() -> tuple[FloatArray, int]:
    """Rows of unit length around axes, as spectral embeddings have them."""
    rng = np.random.default_rng(4)
    X = np.repeat(np.eye(30), 20, axis=0) + 0.25 * rng.normal(size=(600, 30))
    return X / np.linalg.norm(X, axis=1, keepdims=True), 30


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("made", [apart, overlapping, unequal, shapeless, directions])
def test_the_inertia_is_as_low_as_the_best_of_twenty(
    made: Callable[[], tuple[FloatArray, int]], seed: int
) -> None:
    X, n = made()
    best = KMeans(n, n_init=20, random_state=seed).fit(X).inertia_
    assert inertia(X, kmeans(X, n, seed)) <= WORSE * best


@pytest.mark.parametrize("seed", range(5))
def test_the_best_swap_is_that_of_all_pairs(seed: int) -> None:
    """So few points that each is a candidate: no other swap has a lower inertia."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(CANDIDATES, 2)).astype(np.float32)
    centres = X[:3] + np.float32(0.1)

    def loss(tried: FloatArray) -> float:
        return float(((X[:, None] - tried) ** 2).sum(axis=2).min(axis=1).sum())

    tries = [np.vstack([np.delete(centres, old, axis=0), point]) for old in range(3) for point in X]
    assert loss(swapped(points(X), centres, rng)) == pytest.approx(min(map(loss, tries)), rel=1e-5)


@pytest.mark.parametrize("made", [apart, overlapping, unequal, shapeless, directions])
def test_labels_depend_on_points_and_seed_alone(
    made: Callable[[], tuple[FloatArray, int]],
) -> None:
    X, n = made()
    before = X.copy()
    labels = kmeans(X, n, 0)
    assert np.array_equal(labels, kmeans(X, n, 0))
    assert np.array_equal(X, before)
    assert labels.dtype == np.int64
    assert set(labels) == set(range(n))


def test_as_many_clusters_as_points_leave_each_alone() -> None:
    X = np.random.default_rng(0).normal(size=(9, 2))
    assert sorted(kmeans(X, 9, 0)) == list(range(9))


def test_one_cluster_takes_all() -> None:
    assert not kmeans(np.random.default_rng(0).normal(size=(9, 2)), 1, 0).any()


@pytest.mark.parametrize("seed", range(5))
def test_duplicates_are_found_and_stay_together(seed: int) -> None:
    """Forty copies of each of six points: the inertia can be zero, and must be."""
    points = np.random.default_rng(0).normal(size=(6, 3))
    owner = np.random.default_rng(1).permutation(np.repeat(np.arange(6), 40))
    labels = kmeans(points[owner], 6, seed)
    assert len({(int(a), int(b)) for a, b in zip(owner, labels, strict=True)}) == 6
    assert set(labels) == set(range(6))


@pytest.mark.parametrize("distinct", [1, 3])
def test_fewer_distinct_points_than_clusters(distinct: int) -> None:
    """Points that differ stay apart, whichever clusters remain empty."""
    owner = np.arange(20) % distinct
    labels = kmeans(np.eye(4)[owner], 5, 0)
    assert set(labels) <= set(range(5))
    assert len({(int(a), int(b)) for a, b in zip(owner, labels, strict=True)}) >= distinct
    assert all(len(set(owner[labels == k])) == 1 for k in set(labels))


@pytest.mark.parametrize("density", [0.0, 0.005, 0.01, 0.02, 0.1])
@pytest.mark.parametrize("seed", [0, 1])
def test_components_are_scipys(density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.uniform(0.1, 1, (150, 150)) * (rng.random((150, 150)) < density)
    A = A + A.T
    count = connected_components(A, directed=False, return_labels=False)
    assert components(A) == components(csr_array(A)) == count


def test_a_long_chain_is_one_component_and_a_negligible_link_is_none() -> None:
    A = np.eye(60, k=1) + np.eye(60, k=-1)
    assert components(A) == components(csr_array(A)) == 1
    A[30, 29] = A[29, 30] = 1e-7
    assert components(A) == components(csr_array(A)) == 2


def test_a_partition_is_refined_and_not_replaced() -> None:
    """Two pairs of blobs, split along the wrong side: a fresh start finds the better partition."""
    rng = np.random.default_rng(0)
    corners = np.array([(0, 0), (0, 1), (1.5, 0), (1.5, 1)], dtype=np.float32)
    X = np.repeat(corners, 25, axis=0) + rng.normal(0, 0.01, (100, 2)).astype(np.float32)
    across = np.repeat([0, 1, 0, 1], 25)
    spoilt = across.copy()
    spoilt[:3] = 1
    assert np.array_equal(refine(X, spoilt, 2), across)
    assert not np.array_equal(kmeans(X, 2, 0) == kmeans(X, 2, 0)[0], across == 0)


def test_a_refined_partition_has_the_same_clusters() -> None:
    """The means of three blobs at two places: one of them would lose all its points."""
    X = np.repeat(np.array([[0, 0], [0, 0], [9, 9]], dtype=np.float32), 20, axis=0)
    labels = np.repeat([0, 1, 2], 20)
    assert np.array_equal(refine(X, labels, 3), labels)
