"""The map: neighbours stay neighbours, the same each time, whatever the images are."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from models.base import FloatArray, IntArray
from models.mapping import flat_map


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
