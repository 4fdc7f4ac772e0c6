from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds
from sklearn.metrics import adjusted_rand_score

from models import spectral
from models.affinity import plain, processed, threshold
from models.alignment import align
from models.base import FloatArray
from models.eigen import largest_by_magnitude
from models.hyperparameters import Assign, PostProcessing
from models.spectral import embed, normalised, sparsely_normalised, spectral_clustering


def block_coefficients(sizes: tuple[int, ...], noise: float, seed: int = 0) -> FloatArray:
    """Coefficients that are dense inside blocks of images and small between them."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    inside = labels[:, None] == labels
    C = rng.normal(size=(n, n)) * noise + inside * rng.uniform(0.5, 1, (n, n))
    np.fill_diagonal(C, 0)
    return C.astype(np.float32)


def literal_threshold(C: FloatArray, rho: float) -> FloatArray:
    """thrC of DSC-Net's released code, an image a row."""
    result = np.zeros_like(C)
    for i, row in enumerate(C):
        order = np.argsort(-np.abs(row), kind="stable")
        total, kept = np.abs(row).sum(), 0.0
        for j in order:
            result[i, j] = row[j]
            kept += abs(row[j])
            if kept > rho * total:
                break
    return result


def literal_post_processing(C: FloatArray, n: int, d: int, power: float) -> FloatArray:
    """post_proC of DSC-Net's released code: SVD by ARPACK, rows to unit length, a power."""
    C = 0.5 * (C + C.T)
    U, S, _ = svds(C.astype(np.float64), d * n + 1, v0=np.ones(len(C)))
    M = U[:, ::-1] @ np.diag(np.sqrt(S[::-1]))
    M /= np.linalg.norm(M, axis=1, keepdims=True)
    L = np.maximum(M @ M.T, 0) ** power
    L /= L.max()
    return 0.5 * (L + L.T)


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9])
def test_threshold_keeps_what_the_literal_loop_keeps(rho: float) -> None:
    C = block_coefficients((7, 5), 0.3)
    assert np.array_equal(threshold(C, rho), literal_threshold(C, rho))
    assert np.array_equal(threshold(C, rho, "column"), literal_threshold(C.T, rho).T)


def test_threshold_of_one_keeps_all() -> None:
    C = block_coefficients((4, 4), 0.3)
    assert threshold(C, 1.0) is C


@pytest.mark.parametrize(("d", "power"), [(2, 1.0), (3, 3.5), (4, 8.0)])
def test_post_processing_is_that_of_the_released_code(d: int, power: float) -> None:
    C = block_coefficients((20, 20, 20), 0.1)
    settings = PostProcessing(dimension=d, power=power)
    expected = literal_post_processing(C, 3, d, power)
    assert np.allclose(processed(C, 3, settings), expected, atol=1e-4)


def test_affinities_are_symmetric_and_finite_even_for_a_zero_matrix() -> None:
    for C in (np.zeros((8, 8), np.float32), block_coefficients((4, 4), 0.1)):
        for A in (plain(C), processed(C, 2, PostProcessing(dimension=1))):
            assert np.isfinite(A).all()
            assert np.array_equal(A, A.T)


def test_both_ends_of_the_spectrum_give_the_largest_eigenvalues() -> None:
    rng = np.random.default_rng(0)
    S = rng.normal(size=(40, 40))
    S = S + S.T
    values, U = largest_by_magnitude(S, 7)
    expected = sorted(np.linalg.eigvalsh(S), key=abs, reverse=True)[:7]
    assert np.allclose(values, expected)
    assert np.allclose(S @ U, U * values)


@pytest.mark.parametrize("assign", ["kmeans", "cluster_qr", "discretize"])
def test_spectral_clustering_finds_blocks(assign: Assign) -> None:
    A = plain(block_coefficients((12, 8, 10), 0.02))
    found = spectral_clustering(A, 3, seed=0, assign=assign)
    truth = np.repeat(np.arange(3), (12, 8, 10))
    assert adjusted_rand_score(truth, found.labels) == 1
    assert found.relative_eigengap > 1
    assert found.components == 1


def test_a_graph_without_structure_has_no_eigengap() -> None:
    A = np.ones((60, 60)) - np.eye(60)
    assert spectral_clustering(A, 20, seed=0).relative_eigengap < 0.1


def test_components_are_counted() -> None:
    A = plain(block_coefficients((6, 6, 6), 0.0))
    assert spectral_clustering(A, 3, seed=0).components == 3


def test_an_image_without_affinity_is_no_nan() -> None:
    A = plain(block_coefficients((6, 6), 0.01))
    A[3] = A[:, 3] = 0
    found = spectral_clustering(A, 2, seed=0)
    assert np.isfinite(found.eigenvalues).all()
    assert set(found.labels) == {0, 1}


def test_eigenvectors_are_those_of_the_normalised_affinity() -> None:
    A = plain(block_coefficients((9, 11), 0.1)).astype(np.float64)
    values, _ = embed(A, 2)
    d = A.sum(axis=1)
    expected = np.linalg.eigvalsh(A / np.sqrt(d[:, None] * d))[::-1][:3]
    assert np.allclose(values, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalised_entries_are_zero_or_large_enough_to_multiply(dtype: type) -> None:
    """A power of 40 leaves entries of 1e-40; without them the spectrum is the same to rounding."""
    A = plain(block_coefficients((20, 15, 25), 0.1)).astype(np.float64) ** 40
    L = normalised(A, dtype)
    assert L[L > 0].min() ** 2 > np.finfo(dtype).tiny
    d = A.sum(axis=1)
    expected = np.linalg.eigvalsh(A / np.sqrt(d[:, None] * d))
    found = np.linalg.eigvalsh(L)
    assert np.abs(found - expected).max() <= 20 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_few_entries_are_normalised_alike(dtype: type[np.floating[Any]]) -> None:
    rng = np.random.default_rng(0)
    A = rng.random((60, 60)) * (rng.random((60, 60)) < 0.1)
    A = (A + A.T).astype(np.float32)
    A[7] = A[:, 7] = 0
    A[3, 5] = A[5, 3] = 1e-30
    np.testing.assert_allclose(
        sparsely_normalised(csr_array(A), dtype).toarray(), normalised(A, dtype), rtol=1e-6, atol=0
    )


def test_a_sparse_affinity_has_the_clusters_of_a_dense_one(monkeypatch: Any) -> None:
    rng = np.random.default_rng(1)
    owner = np.repeat(np.arange(8), 60)
    near = (owner[:, None] == owner) & (rng.random((480, 480)) < 0.1)
    A = (near * rng.random((480, 480)) + (rng.random((480, 480)) < 2e-3) * 0.05).astype(np.float32)
    A = A + A.T
    found = spectral_clustering(A, 8, 0)
    monkeypatch.setattr(spectral, "FEW", 0)
    dense = spectral_clustering(A, 8, 0)
    assert adjusted_rand_score(found.labels, dense.labels) == 1
    assert adjusted_rand_score(found.labels, owner) > 0.99
    np.testing.assert_allclose(found.eigenvalues, dense.eigenvalues, atol=1e-4)


def test_alignment_undoes_a_permutation() -> None:
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 5, 50)
    assert np.array_equal(align(rng.permutation(5)[reference], reference, 5), reference)


def test_alignment_agrees_as_much_as_possible() -> None:
    reference = np.array([0, 0, 0, 1, 1, 2])
    labels = np.array([1, 1, 2, 0, 0, 2])
    assert np.array_equal(align(labels, reference, 3), [0, 0, 2, 1, 1, 2])


@pytest.mark.parametrize("assign", ["kmeans", "cluster_qr", "discretize"])
@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_images_that_are_alike_in_nothing_still_get_labels(assign: Assign) -> None:
    found = spectral_clustering(np.zeros((6, 6), np.float32), 3, seed=0, assign=assign)
    assert set(found.labels) <= {0, 1, 2}
