"""Parts of spectra beside LAPACK's in float64: right, or else withheld."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from models.base import FloatArray
from models.eigen import (
    ANGLE,
    SHIFT,
    VALUE,
    Operator,
    dense_inverse,
    krylov,
    largest_by_magnitude,
    largest_by_value,
    leading,
    sparse_inverse,
)

N, K = 420, 10
NARROW, WIDE = (N, K), (60, 10)
"""Sizes at which a Krylov space is built, and at which LAPACK solves at once."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices: threads that wait for each other cost more than they give."""
    with threadpool_limits(1):
        yield


def random_basis(n: int, seed: int = 0) -> FloatArray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def with_spectrum(top: list[float], n: int = N, rest: float = 0.9) -> FloatArray:
    """A symmetric float32 matrix: ``top``, and the other eigenvalues from -rest to rest."""
    L = exactly_with_spectrum(top, n, rest).astype(np.float32)
    return np.maximum(L, L.T)


def exactly_with_spectrum(top: list[float], n: int = N, rest: float = 0.9) -> FloatArray:
    """The same in float64."""
    values = np.concatenate([top, np.linspace(rest, -rest, n - len(top))])
    U = random_basis(n)
    return np.asarray((U * values) @ U.T)


def exact(L: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
    """The k + 1 largest eigenvalues and k eigenvectors by LAPACK in float64."""
    values, V = np.linalg.eigh(L.astype(np.float64))
    return values[::-1][: k + 1], V[:, ::-1][:, :k]


def sine(V: FloatArray, U: FloatArray) -> float:
    """Of the largest principal angle between the spans of two orthonormal bases (N, k)."""
    V, U = V.astype(np.float64), U.astype(np.float64)
    return float(np.linalg.norm(V - U @ (U.T @ V), ord=2))


def assert_values(found: FloatArray, values: FloatArray) -> None:
    """Descending; the first k to rounding, the last one's distance from 1 to the share VALUE."""
    assert (np.diff(found) <= 0).all()
    assert np.allclose(found[:-1], values[:-1], rtol=0, atol=2e-6)
    assert 1 - found[-1] == pytest.approx(1 - values[-1], rel=VALUE)


def post_processed(n_clusters: int, per_cluster: int, between: float = 0.0) -> FloatArray:
    """A normalised affinity as post-processing leaves it: blocks of sharpened cosines.

    Every second cluster is joined to its neighbour by so small a share that its eigenvalue is just
    below 1; the others are components of their own.
    """
    rng = np.random.default_rng(0)
    bases = rng.normal(size=(n_clusters, 6, 9 * n_clusters))
    points = np.concatenate([np.abs(rng.normal(size=(per_cluster, 6))) @ basis for basis in bases])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    owner = np.repeat(np.arange(n_clusters), per_cluster)
    inside = owner[:, None] == owner
    joined = owner[:, None] // 2 == owner // 2
    A = np.maximum(points @ points.T, 0) ** 4 * (inside + between * joined)
    scale = 1 / np.sqrt(A.sum(axis=1))
    return (A * scale[:, None] * scale).astype(np.float32)


@pytest.mark.parametrize(("n", "k"), [NARROW, WIDE])
@pytest.mark.parametrize(
    "top",
    [
        [1.0] * 10 + [0.999],
        [1.0] * 5 + [0.9996, 0.9994, 0.9993, 0.9991, 0.999, 0.997],
        [1.0, 1.0, 1.0, *np.linspace(0.9999, 0.9993, 7), 0.9985, 0.998, 0.997],
        [1.0, *np.linspace(0.99, 0.95, 9), 0.94],
    ],
)
def test_leading_vectors_span_the_exact_subspace(n: int, k: int, top: list[float]) -> None:
    L = with_spectrum(top, n)
    found = leading(L, k)
    assert found is not None
    values, V = exact(L, k)
    assert sine(found[1], V) <= ANGLE
    assert_values(found[0], values)
    assert np.allclose(found[1].T @ found[1], np.eye(k), atol=1e-5)


@pytest.mark.parametrize("between", [0.0, 1e-3, 1e-2])
def test_components_that_hardly_touch_are_told_apart(between: float) -> None:
    """Eigenvalue 1 five to ten times over, and as many again just below it."""
    L = post_processed(10, 42, between)
    found = leading(L, 10)
    assert found is not None
    values, V = exact(L, 10)
    assert sine(found[1], V) <= ANGLE
    assert_values(found[0], values)


@pytest.mark.parametrize(("n", "k"), [NARROW, WIDE])
@pytest.mark.parametrize(
    "top",
    [
        pytest.param([1.0] * 11, id="no gap"),
        pytest.param([1.0] * 25, id="a multiplicity beyond the block"),
        pytest.param([1.0] * 9 + [0.9991, 0.9991, 0.9990], id="a tie at position k"),
        pytest.param([1.0] * 9 + [0.9991, 0.9991 - 1e-7], id="a gap below rounding"),
    ],
)
def test_what_cannot_be_proved_is_not_answered(n: int, k: int, top: list[float]) -> None:
    assert leading(with_spectrum(top, n), k) is None


FLAT = [1.0] * 4 + [*(1 - np.linspace(4e-4, 5.3e-4, 40))]
"""Gaps of 3e-6, which float32 cannot tell from its rounding."""


@pytest.mark.parametrize("as_sparse", [False, True])
def test_a_flat_spectrum_is_told_apart_in_float64(as_sparse: bool) -> None:
    sharp = exactly_with_spectrum(FLAT)
    rough = sharp.astype(np.float32)
    kind = sparse.csc_array if as_sparse else np.asarray
    assert krylov(kind(rough), K).angle > ANGLE
    found = leading(kind(rough), K, lambda: kind(sharp))
    assert found is not None
    values, V = exact(sharp, K)
    assert sine(found[1], V) <= ANGLE
    assert np.allclose(found[0], values, rtol=0, atol=1e-9)


def test_what_float64_cannot_prove_is_not_answered_either() -> None:
    sharp = exactly_with_spectrum([1.0] * 9 + [0.9991, 0.9991, 0.9990])
    assert leading(sharp.astype(np.float32), K, lambda: sharp) is None


@pytest.mark.parametrize("seed", range(12))
def test_a_correction_is_never_worse_than_it_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    top = np.sort(1 - 10.0 ** rng.uniform(-7, -3, 3 * K))[::-1]
    sharp = exactly_with_spectrum([1.0, *top])
    found = krylov(sharp.astype(np.float32), K, lambda: sharp)
    assert found is not None
    _, V = exact(sharp, K)
    assert sine(found.vectors[:, :K], V) <= found.angle + 1e-5


@pytest.mark.parametrize("seed", range(12))
def test_an_answer_is_never_worse_than_it_says(seed: int) -> None:
    """Spectra that are flat to a random degree: the bound holds whether it is small or not."""
    rng = np.random.default_rng(seed)
    top = np.sort(1 - 10.0 ** rng.uniform(-6, -1, 3 * K))[::-1]
    L = with_spectrum([1.0, *top])
    found = krylov(L, K)
    assert found is not None
    _, V = exact(L, K)
    assert sine(found.vectors[:, :K], V) <= found.angle + 1e-5
    assert (leading(L, K) is not None) == found.accurate


def test_a_k_that_is_a_large_part_of_n_is_left_to_lapack() -> None:
    assert leading(with_spectrum([1.0, 0.99], 40), 10) is None


def test_a_matrix_with_eigenvalues_above_one_is_no_normalised_affinity() -> None:
    assert krylov(with_spectrum([1.01, 0.99]), K) is None


def test_the_matrix_is_not_changed() -> None:
    L = with_spectrum([1.0] * 10 + [0.99])
    before = L.copy()
    leading(L, K)
    assert np.array_equal(L, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rank", [1, 12, 30, 59, 60])
@pytest.mark.parametrize("sign", [-1, 0, 1])
def test_the_largest_by_magnitude_are_lapacks(dtype: type, rank: int, sign: int) -> None:
    """Definite one way, indefinite, definite the other way; the middle rank is solved whole."""
    n = 60
    size = np.linspace(1, 3, n)
    signs = np.where(np.random.default_rng(0).random(n) < 0.4, -1, 1) if sign == 0 else sign
    U = random_basis(n)
    S = ((U * (size * signs)) @ U.T).astype(dtype)
    S = np.maximum(S, S.T)
    before = S.copy()
    values, V = largest_by_magnitude(S, rank)
    exact_values, W = np.linalg.eigh(S.astype(np.float64))
    kept = np.argsort(-np.abs(exact_values))[:rank]
    tolerance = 100 * float(np.finfo(dtype).eps)
    assert values.shape == (rank,)
    assert V.shape == (n, rank)
    assert np.allclose(values, exact_values[kept], rtol=tolerance)
    assert sine(V, W[:, kept]) <= 1000 * tolerance
    assert np.array_equal(S, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("values", [[3.0] * 6, [3.0] * 3 + [-3.0] * 3, [3.0, 2, 2, -2, -2, 2]])
def test_equal_magnitudes_give_an_orthonormal_basis(dtype: type, values: list[float]) -> None:
    """As many as there are, so that the subspace is one alone; all the rest of the rank is zero."""
    n = 60
    U = random_basis(n)[:, :6]
    S = ((U * values) @ U.T).astype(dtype)
    S = np.maximum(S, S.T)
    found, V = largest_by_magnitude(S, 6)
    tolerance = 1000 * float(np.finfo(dtype).eps)
    assert sorted(np.round(found)) == sorted(values)
    assert np.allclose(V.T @ V, np.eye(6), atol=tolerance)
    assert np.allclose((V * found) @ V.T, S, atol=3 * tolerance)


def test_a_matrix_of_zeros_has_a_spectrum_of_zeros() -> None:
    values, V = largest_by_magnitude(np.zeros((40, 40), np.float32), 4)
    assert not values.any()
    assert np.allclose(V.T @ V, np.eye(4))


@pytest.mark.parametrize("n", [200, 640])
def test_equal_entries_leave_one_direction_whatever_lapack_says(n: int) -> None:
    """At 200, LAPACK's ``evr`` ends with an internal error."""
    S = np.full((n, n), 1e-4, dtype=np.float32)
    np.fill_diagonal(S, 0)
    values, U = largest_by_value(S, 61)
    assert values[0] == pytest.approx((n - 1) * 1e-4, rel=1e-5)
    assert values[1:].max() < 1e-6
    np.testing.assert_allclose(np.abs(U[:, 0]), n**-0.5, rtol=1e-3)


@pytest.mark.parametrize("between", [0.0, 1e-4])
def test_a_sparse_matrix_gives_what_a_dense_one_gives(between: float) -> None:
    k = 10
    dense = post_processed(k, 60, between)
    found = leading(sparse.csc_array(dense), k)
    expected = leading(dense, k)
    assert found is not None
    assert expected is not None
    values, U = exact(dense, k)
    assert_values(found[0], values)
    assert sine(found[1], U) <= ANGLE
    np.testing.assert_allclose(found[0][:-1], expected[0][:-1], atol=2e-6)


def test_a_sparse_matrix_of_small_size_is_solved_by_lapack() -> None:
    dense = post_processed(3, 20)
    found = leading(sparse.csc_array(dense), 3)
    assert found is not None
    assert sine(found[1], exact(dense, 3)[1]) <= ANGLE


@pytest.mark.parametrize("inverse", [dense_inverse, sparse_inverse])
def test_inverses_are_inverse(inverse: Callable[[Any], Operator | None]) -> None:
    L = post_processed(6, 40, 1e-3)
    T = inverse(L if inverse is dense_inverse else sparse.csc_array(L))
    assert T is not None
    X = np.random.default_rng(0).standard_normal((len(L), 5), dtype=np.float32)
    back = (1 + SHIFT) * T(X) - L @ T(X)
    np.testing.assert_allclose(back, X, atol=2e-2)
