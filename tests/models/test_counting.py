"""The survey over n: it finds the number where there is one, and says what it has seen."""

import numpy as np
import pytest

from models.automatic import most_clusters
from models.counting import LARGEST_NEAR, between, coarse, near, survey


def lines(n_clusters: int, per_cluster: int, seed: int = 0) -> np.ndarray:
    """Rows (N, 60) near subspaces of dimension 3."""
    rng = np.random.default_rng(seed)
    parts = [
        rng.normal(size=(per_cluster, 3)) @ rng.normal(size=(3, 60)) for _ in range(n_clusters)
    ]
    X = np.concatenate(parts) + rng.normal(0, 0.05, (n_clusters * per_cluster, 60))
    return X.astype(np.float32)


@pytest.mark.parametrize(("n", "per_cluster"), [(3, 40), (8, 30), (12, 20)])
def test_the_number_of_subspaces_is_suggested(n: int, per_cluster: int) -> None:
    told: list[tuple[int, int]] = []
    found = survey(lines(n, per_cluster), 0, lambda *done: told.append(done))
    assert found.suggested == n
    best = next(count for count in found.counts if count.n_clusters == n)
    assert best.agreement > 0.9
    assert best.support == max(count.support for count in found.counts)
    numbers = [count.n_clusters for count in found.counts]
    assert numbers == sorted(set(numbers))
    assert all(done <= total for done, total in told)


def test_the_same_seed_finds_the_same() -> None:
    X = lines(4, 30)
    assert survey(X, 3) == survey(X, 3)


def test_around_a_number_the_true_one_has_most_support() -> None:
    found = survey(lines(6, 30), 0, around=7)
    assert 7 in [count.n_clusters for count in found.counts]
    assert found.suggested == 6
    shown = found.shown()
    assert shown["suggested"] == 6
    assert len(shown["counts"]) == len(found.counts)


def test_of_many_images_some_are_looked_at() -> None:
    found = survey(lines(3, 500), 0, around=3)
    assert found.n_images == LARGEST_NEAR
    assert found.suggested == 3


@pytest.mark.parametrize("n_images", [2, 3, 7, 14, 50, 400, 10_000])
def test_what_is_tried_can_be_there(n_images: int) -> None:
    tried = coarse(n_images)
    assert tried == sorted(set(tried))
    assert tried[0] == 2
    assert tried[-1] == most_clusters(n_images)
    assert set(between(tried[-1], tried)) >= {tried[-1]}
    for n in (2, 5, n_images):
        assert n in near(n, n_images)
        assert all(m >= 2 for m in near(n, n_images))


@pytest.mark.parametrize("n_images", [2, 3, 5, 9])
def test_few_images_and_equal_ones_are_borne(n_images: int) -> None:
    rng = np.random.default_rng(0)
    for X in (rng.random((n_images, 6)), np.ones((n_images, 6)), np.zeros((n_images, 6))):
        found = survey(X.astype(np.float32), 0, around=2)
        assert np.isfinite([count.support for count in found.counts]).all()
