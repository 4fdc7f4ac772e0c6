"""The map: neighbours stay neighbours, the same each time, whatever the images are."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from models import mapping
from models.base import FloatArray, IntArray
from models.mapping import MOST, flat_map


def test_neighbours_stay_neighbours(subspaces: tuple[FloatArray, IntArray]) -> None:
    X = subspaces[0].reshape(len(subspaces[0]), -1)
    points = flat_map(X, 0)
    assert points.shape == (len(X), 2)
    assert points.dtype == np.float32
    assert np.abs(points).max() == pytest.approx(1)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    assert trustworthiness(unit, points, n_neighbors=5) > 0.9


def test_it_is_the_same_each_time(subspaces: tuple[FloatArray, IntArray]) -> None:
    X = subspaces[0].reshape(len(subspaces[0]), -1)
    assert np.array_equal(flat_map(X, 4), flat_map(X, 4))


@pytest.mark.parametrize("n_images", [2, 3, 4, 5, 6, 40])
@pytest.mark.parametrize("columns", [1, 2, 9])
def test_every_shape_has_a_map(n_images: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    for X in (rng.random((n_images, columns)), np.ones((n_images, columns))):
        points = flat_map(X.astype(np.float32), 0)
        assert points.shape == (n_images, 2)
        assert np.isfinite(points).all()
        assert np.abs(points).max() <= 1


def test_of_many_rows_a_sample_is_mapped_and_the_others_lie_among_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = 1000
    monkeypatch.setattr(mapping, "MOST", most)
    monkeypatch.setattr(mapping, "SAMPLE", most // 2)
    rng = np.random.default_rng(0)
    owner = rng.integers(0, 3, 2 * most)
    X = np.eye(3, 8)[owner] + rng.normal(0, 0.02, (2 * most, 8))
    points = flat_map(X.astype(np.float32), seed=0)
    again = flat_map(X.astype(np.float32), seed=0)
    assert points.shape == (2 * most, 2)
    assert np.array_equal(points, again)
    assert np.abs(points).max() <= 1
    nearest = KNeighborsClassifier(1).fit(points[:most], owner[:most])
    assert nearest.score(points[most:], owner[most:]) > 0.99


def test_many_equal_rows_are_one_point() -> None:
    assert not flat_map(np.ones((MOST + 1, 4), dtype=np.float32), seed=0).any()
