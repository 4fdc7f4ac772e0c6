"""What every method of the catalogue promises."""

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import subspace_images
from pydantic import ValidationError
from sklearn.metrics import adjusted_rand_score

from models.base import Clustering, FloatArray, IntArray, Method, Shape, Stopped
from models.catalogue import METHODS, parse

Subspaces = tuple[FloatArray, IntArray]
every_method = pytest.mark.parametrize("name", METHODS)


def method(name: str, **hyperparameters: Any) -> Method:
    """The method with its own rule, but a stage I that a test can wait for."""
    if "pretrain_max_steps" in METHODS[name].model_fields:
        hyperparameters = {"pretrain_max_steps": 200} | hyperparameters
    return parse({"method": name} | hyperparameters)


class Fitted(NamedTuple):
    clustering: Clustering
    rows: list[dict[str, Any]]


Fit = Callable[[str, Any], Fitted]


@pytest.fixture(scope="module")
def fitted() -> Fit:
    """A fit of a method to the subspaces, made once."""

    @cache
    def fit(name: str, recorder: Any) -> Fitted:
        run = recorder()
        return Fitted(method(name).fit(subspace_images()[0], 3, run), run.rows)

    return fit


@every_method
def test_separates_orthogonal_subspaces(
    name: str, subspaces: Subspaces, recorder: Any, fitted: Fit
) -> None:
    assert adjusted_rand_score(subspaces[1], fitted(name, recorder).clustering.labels) == 1


@every_method
def test_same_seed_same_labels_and_input_untouched(
    name: str, subspaces: Subspaces, recorder: Any, fitted: Fit
) -> None:
    images = subspaces[0].copy()
    a = fitted(name, recorder).clustering
    b = method(name).fit(images, 3, recorder())
    assert np.array_equal(a.labels, b.labels)
    for first, second in ((a.affinity, b.affinity), (a.coefficients, b.coefficients)):
        assert (first is None) == (second is None)
        assert first is None or np.array_equal(first, second)
    assert np.array_equal(images, subspaces[0])


@every_method
def test_shapes_types_and_ranges(
    name: str, subspaces: Subspaces, recorder: Any, fitted: Fit
) -> None:
    n = len(subspaces[0])
    found = fitted(name, recorder).clustering
    assert found.labels.shape == (n,)
    assert found.labels.dtype == np.int64
    assert set(found.labels) <= {0, 1, 2}
    assert (found.affinity is not None) == METHODS[name].has_affinity
    assert found.affinity is not None or found.confidence is not None
    for A in (found.affinity, found.plain_affinity):
        if A is None:
            continue
        assert A.shape == (n, n)
        assert A.dtype == np.float32
        assert np.array_equal(A, A.T)
        assert np.isfinite(A).all()
        assert (A >= 0).all()
    assert (found.coefficients is None) == (found.plain_affinity is None)
    if found.coefficients is not None:
        assert found.coefficients.shape == (n, n)
        assert found.coefficients.dtype == np.float32
    if found.confidence is not None:
        assert found.confidence.shape == (n,)
        assert (found.confidence >= 0).all()
        assert (found.confidence <= 1).all()


@every_method
def test_order_of_images_does_not_matter(
    name: str, subspaces: Subspaces, recorder: Any, fitted: Fit
) -> None:
    images, _ = subspaces
    order = np.random.default_rng(5).permutation(len(images))
    straight = fitted(name, recorder).clustering.labels
    shuffled = method(name).fit(images[order], 3, recorder()).labels
    assert adjusted_rand_score(straight[order], shuffled) == 1


@every_method
def test_reports_progress_and_stops_when_asked(
    name: str, subspaces: Subspaces, recorder: Any, fitted: Fit
) -> None:
    rows = fitted(name, recorder).rows
    assert rows
    for row in rows:
        assert 1 <= row["epoch"] <= row["epochs"]
        assert all(np.isfinite(v) for v in row.values() if isinstance(v, float))
    middle = rows[len(rows) // 2]
    with pytest.raises(Stopped):
        method(name).fit(subspaces[0], 3, recorder(stop_at=(middle["phase"], middle["epoch"])))


@every_method
def test_rejects_what_it_does_not_know(name: str) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        method(name, gama1=1)


def bounded_numbers() -> list[tuple[str, str]]:
    """Every hyperparameter that takes a number."""
    found = []
    for name, cls in METHODS.items():
        for field, schema in cls.model_json_schema()["properties"].items():
            kinds = [schema, *schema.get("anyOf", [])]
            if any(kind.get("type") in {"number", "integer"} for kind in kinds):
                found.append((name, field))
    return found


@pytest.mark.parametrize(("name", "field"), bounded_numbers())
def test_every_number_has_bounds(name: str, field: str) -> None:
    for absurd in (-1e300, 1e300):
        with pytest.raises(ValidationError):
            method(name, **{field: absurd})


@every_method
def test_colour_works(name: str, recorder: Any) -> None:
    images = np.random.default_rng(0).random((24, 3, 9, 11), dtype=np.float32)
    found = method(name).fit(images, 2, recorder())
    assert found.labels.shape == (24,)


@every_method
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 9, 16, 31, 32, 48, 64, 100, 128, 200, 255, 256])
def test_auto_resolves_every_size(name: str, channels: int, side: int) -> None:
    shape = Shape(500, channels, side, max(8, side * 3 // 4))
    resolved = method(name).resolve(shape, 10)
    assert all(value is not None for value in resolved.model_dump().values())
    assert resolved.memory_bytes(shape, 10) < 8 * 1024**3
    assert resolved.resolve(shape, 10) == resolved


@every_method
def test_resolving_keeps_what_was_set(name: str) -> None:
    resolved = method(name, view="mirror").resolve(Shape(100, 1, 16, 16), 4)
    assert resolved.model_dump()["view"] == "mirror"


@pytest.mark.parametrize("name", ["dscnet", "s2convscn"])
def test_resolving_keeps_what_was_set_of_the_network(name: str) -> None:
    resolved = method(name, gamma1=0.125, epochs=3).resolve(Shape(100, 1, 16, 16), 4)
    assert resolved.model_dump()["gamma1"] == 0.125
    assert resolved.model_dump()["epochs"] == 3


def test_the_catalogue_loads_without_heavy_libraries() -> None:
    code = (
        "import sys, models.catalogue; "
        "print([m for m in ('torch', 'scipy', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
