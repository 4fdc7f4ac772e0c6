"""The authors' own affinities against plain transcriptions of their released code."""

import numpy as np
import pytest

from models.affinity import affinity
from models.base import FloatArray
from models.hyperparameters import Kind, PostProcessing


@pytest.fixture
def C() -> FloatArray:
    rng = np.random.default_rng(0)
    blocks = [rng.normal(size=(10, 10)) @ rng.normal(size=(10, 10)) for _ in range(3)]
    C = 0.05 * rng.normal(size=(30, 30))
    for k, block in enumerate(blocks):
        C[10 * k : 10 * k + 10, 10 * k : 10 * k + 10] += block
    np.fill_diagonal(C, 0)
    return C.astype(np.float32)


def test_ssc_divides_columns_by_their_maximum(C: FloatArray) -> None:
    theirs = np.abs(C.T)  # columns are images
    for j in range(30):
        theirs[:, j] /= theirs[:, j].max()
    assert np.allclose(affinity(C, 3, "ssc", None), (theirs + theirs.T) / 2, atol=1e-6)


def test_unit_rows(C: FloatArray) -> None:
    theirs = np.abs(C / np.linalg.norm(C, axis=1, keepdims=True))
    assert np.allclose(affinity(C, 3, "unit_rows", None), (theirs + theirs.T) / 2, atol=1e-6)


def test_lrr_raises_angles_to_the_fourth_power(C: FloatArray) -> None:
    U, s, _ = np.linalg.svd(C.T.astype(np.float64))  # columns express images
    r = int((s > 1e-4 * s[0]).sum())
    M = U[:, :r] * np.sqrt(s[:r])
    M /= np.linalg.norm(M, axis=1, keepdims=True)
    assert np.allclose(affinity(C, 3, "lrr", None), (M @ M.T) ** 4, atol=1e-4)


@pytest.mark.parametrize("kind", ["processed", "edsc", "lrr"])
def test_an_image_of_no_coefficients_is_like_no_other(C: FloatArray, kind: Kind) -> None:
    C[7], C[:, 7] = 0, 0
    A = affinity(C, 3, kind, PostProcessing(dimension=4, power=4, threshold=0.9))
    assert not np.delete(A[7], 7).any()
    assert np.count_nonzero(A.sum(axis=1)) >= 29


def test_edsc_keeps_the_leading_part_and_its_even_power(C: FloatArray) -> None:
    settings = PostProcessing(dimension=4, power=4)
    S = (C + C.T).astype(np.float64) / 2
    U, s, _ = np.linalg.svd(S)
    M = U[:, :13] * np.sqrt(s[:13])
    M /= np.linalg.norm(M, axis=1, keepdims=True)
    assert np.allclose(affinity(C, 3, "edsc", settings), (M @ M.T) ** 4, atol=1e-4)
