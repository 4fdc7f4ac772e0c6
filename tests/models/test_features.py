"""Feature vectors in place of images: what is computed is the same, but nothing is chosen."""

from typing import Any

import numpy as np
import pytest

from models import ensemble, selection
from models.base import FloatArray, IntArray, Method, Shape, Stopped
from models.catalogue import METHODS, parse

Subspaces = tuple[FloatArray, IntArray]
SHAPE = Shape(60, 64, 1, 1)
on_features = pytest.mark.parametrize("name", [k for k, m in METHODS.items() if not m.needs_images])


def vectors(images: FloatArray) -> FloatArray:
    return images.reshape(len(images), -1, 1, 1)


def plain(name: str) -> Method:
    return parse({"method": name, "view": "plain"})


@pytest.mark.parametrize(
    ("shape", "features"),
    [((1, 1, 1), False), ((3, 1, 1), False), ((4, 1, 1), True), ((1, 8, 8), False)],
)
def test_one_pixel_of_many_channels_is_a_vector(
    shape: tuple[int, int, int], features: bool
) -> None:
    assert Shape(10, *shape).is_features == features


def test_those_with_an_auto_encoder_need_images() -> None:
    deep = {name for name, method in METHODS.items() if "encoder" in method.model_fields}
    assert {name for name, method in METHODS.items() if method.needs_images} == deep


@pytest.mark.parametrize("name", [k for k, m in METHODS.items() if m.needs_images])
def test_an_auto_encoder_refuses_vectors(name: str, subspaces: Subspaces, recorder: Any) -> None:
    for settings in ({}, {"encoder": [[3, 8]]}):
        method = parse({"method": name} | settings)
        with pytest.raises(ValueError, match="convolves images"):
            method.fit(vectors(subspaces[0]), 3, recorder())


@on_features
def test_vectors_are_clustered_as_the_same_images_are(
    name: str, subspaces: Subspaces, recorder: Any
) -> None:
    images, _ = subspaces
    of_images = plain(name).fit(images, 3, recorder())
    found = parse({"method": name}).fit(vectors(images), 3, recorder())
    assert np.array_equal(found.labels, of_images.labels)
    if found.affinity is not None:
        assert np.array_equal(found.affinity, of_images.affinity)


@on_features
def test_no_view_is_chosen(name: str, subspaces: Subspaces, recorder: Any) -> None:
    resolved = parse({"method": name}).resolve(SHAPE, 3)
    assert resolved.model_dump()["view"] == "plain"
    assert resolved.resolve(SHAPE, 3) == resolved
    first = {"stop_at": ("preparing", 1)}
    parse({"method": name}).fit(vectors(subspaces[0]), 3, recorder(**first))
    with pytest.raises(Stopped):
        parse({"method": name}).fit(subspaces[0], 3, recorder(**first))


@on_features
@pytest.mark.parametrize("view", ["mirror", "contrast", "contrast_mirror", "eigengap"])
def test_another_view_is_refused(name: str, view: str) -> None:
    with pytest.raises(ValueError, match=f"view is {view}, and feature vectors"):
        parse({"method": name, "view": view}).resolve(SHAPE, 3)


@on_features
def test_numbers_of_any_size_and_sign(name: str, recorder: Any) -> None:
    """Vectors with a few empty columns and one empty row, far from [0, 1]."""
    rng = np.random.default_rng(0)
    X = rng.normal(0, 300, (40, 2, 30)) + rng.normal(0, 3000, (2, 30))
    X[:, :, 5:8] = 0
    X[0, 0] = 0
    images = X.reshape(80, 30, 1, 1).astype(np.float32)
    found = parse({"method": name}).fit(images, 2, recorder())
    assert set(found.labels) == {0, 1}
    certain = found.affinity if found.affinity is not None else found.confidence
    assert certain is not None
    assert np.isfinite(certain).all()


def test_ensemble(subspaces: Subspaces, parted: Any) -> None:
    images = subspaces[0]
    expected = ensemble.fit(plain("lsr"), images, 3, parted(), 2)
    found = ensemble.fit(parse({"method": "lsr"}), vectors(images), 3, parted(), 2)
    assert np.array_equal(found.labels, expected.labels)


def test_selection(subspaces: Subspaces, parted: Any) -> None:
    images = subspaces[0]
    expected = selection.fit(plain("lsr"), images, 3, parted())
    found = selection.fit(parse({"method": "lsr"}), vectors(images), 3, parted())
    assert np.array_equal(found.labels, expected.labels)
    assert found.candidates == expected.candidates
