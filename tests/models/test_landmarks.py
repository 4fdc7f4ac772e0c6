from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from conftest import subspace_images
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.linear_model import orthogonal_mp_gram
from sklearn.metrics import adjusted_rand_score

from models import ensemble, landmarks, selection
from models.base import Clustering, Shape, Stopped
from models.catalogue import METHODS
from models.landmarks import ATOMS, BLOCK, draw
from models.methods.lsr import LSR
from models.methods.s2convscn import S2ConvSCN
from models.sizes import LANDMARKS, LANDMARKS_UNCOUNTED, fitted_images
from models.solvers.omp import matching_pursuit_of

QUICK = {"epochs": 4, "round_epochs": 2, "pretrain_max_epochs": 3, "view": "plain"}


def fit(method: Any, images: Any, n: int, run: Any, m: int) -> Clustering:
    return landmarks.fit(lambda part: method.fit(part, n, run), images, n, run, m)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_separates_the_rest_as_it_does_its_landmarks(name: str, recorder: Any) -> None:
    images, truth = subspace_images(per_cluster=60)
    run, settings = recorder(), QUICK if METHODS[name].needs_images else {"view": "plain"}
    known = {k: v for k, v in settings.items() if k in METHODS[name].model_fields}
    before = images.copy()
    found = fit(METHODS[name](**known), images, 3, run, 90)
    assert np.array_equal(images, before)
    assert found.landmarks is not None
    own = found.landmarks.indices
    rest = np.setdiff1d(np.arange(180), own)
    least = adjusted_rand_score(truth[own], found.labels[own])
    assert adjusted_rand_score(truth[rest], found.labels[rest]) >= least - 0.15
    assert found.labels.shape == found.confidence.shape == (180,)
    assert found.diagnostics["landmarks"] == len(own) == 90
    assert 0 <= found.diagnostics["unexpressed_rest"] < 0.2
    assert found.notices[0].code == "landmarks"


def test_matrices_are_sparse_and_reach_the_rest_through_landmarks(recorder: Any) -> None:
    images, _ = subspace_images(per_cluster=60)
    found = fit(LSR(), images, 3, recorder(), 90)
    assert found.landmarks is not None
    rest = np.setdiff1d(np.arange(180), found.landmarks.indices)
    for A in (found.affinity, found.plain_affinity):
        assert isinstance(A, csr_array)
        assert A.shape == (180, 180)
        assert abs(A - A.T).max() < 1e-6
        assert A[rest][:, rest].nnz == 0
        assert A.dtype == np.float32
    assert isinstance(found.coefficients, csr_array)
    assert np.diff(found.coefficients[rest].indptr).max() <= ATOMS
    assert found.landmarks.affinity is not None
    assert found.landmarks.affinity.shape == (90, 90)


def test_confidence_is_the_share_of_coefficients_inside_the_cluster(recorder: Any) -> None:
    images, _ = subspace_images(per_cluster=60)
    found = fit(LSR(), images, 3, recorder(), 90)
    assert found.landmarks is not None
    assert isinstance(found.coefficients, csr_array)
    assert found.confidence is not None
    own = found.landmarks.indices
    i = int(np.setdiff1d(np.arange(180), own)[7])
    row = np.abs(found.coefficients[[i]].toarray()[0, own])
    inside = row[found.labels[own] == found.labels[i]].sum() / row.sum()
    assert found.confidence[i] == pytest.approx(inside, abs=1e-6)


def test_a_trained_head_assigns_the_rest_too(recorder: Any) -> None:
    images, _ = subspace_images(per_cluster=60)
    found = fit(S2ConvSCN(**QUICK, final_labels="head"), images, 3, recorder(), 90)
    assert np.array_equal(found.labels, found.labelings["head"])
    assert found.labelings["spectral"].shape == (180,)
    agreement = np.mean(found.labelings["head"] == found.labelings["spectral"])
    assert found.diagnostics["head_agreement"] == pytest.approx(agreement)
    assert found.embedding is not None
    assert len(found.embedding) == 180


def test_features_of_the_rest_stand_where_their_images_do(recorder: Any) -> None:
    images, _ = subspace_images(per_cluster=30)
    found = fit(S2ConvSCN(**QUICK), images, 3, recorder(), 60)
    flipped = fit(S2ConvSCN(**QUICK), images, 3, recorder(), 60)
    assert found.embedding is not None
    assert np.array_equal(found.embedding, flipped.embedding)
    whole = S2ConvSCN(**QUICK).fit(images[found.landmarks.indices], 3, recorder())  # type: ignore[union-attr]
    own = found.embedding[found.landmarks.indices]  # type: ignore[union-attr]
    assert np.array_equal(own, whole.embedding)  # type: ignore[arg-type]


def test_as_many_landmarks_as_images_are_a_plain_fit(subspaces: Any, recorder: Any) -> None:
    images, _ = subspaces
    found = fit(LSR(), images, 3, recorder(), len(images))
    plain = LSR().fit(images, 3, recorder())
    assert found.landmarks is None
    assert np.array_equal(found.affinity, plain.affinity)  # type: ignore[arg-type]


def test_ensembles_and_selections_are_of_the_landmarks(parted: Any) -> None:
    images, truth = subspace_images(per_cluster=60)
    run = parted()
    found = landmarks.fit(lambda x: ensemble.fit(LSR(), x, 3, run, 2), images, 3, run, 90)
    assert found.answer == "consensus"
    assert adjusted_rand_score(truth, found.labels) > 0.9
    method = LSR().resolve(Shape(90, 1, 12, 12), 3)
    chosen = landmarks.fit(lambda x: selection.fit(method, x, 3, run), images, 3, run, 90)
    assert {len(labels) for labels in chosen.labelings.values()} == {180}
    assert len(chosen.candidates) > 1


def test_the_draw_is_the_seeds_and_leaves_nobody_out() -> None:
    place, again, other = draw(50, 20, 3), draw(50, 20, 3), draw(50, 20, 4)
    assert np.array_equal(place.landmarks, again.landmarks)
    assert not np.array_equal(place.landmarks, other.landmarks)
    everyone = np.sort(np.concatenate([place.landmarks, place.rest]))
    assert np.array_equal(everyone, np.arange(50))


def test_it_tells_how_far_it_is_and_stops_when_told(recorder: Any) -> None:
    images, _ = subspace_images(per_cluster=500)
    with pytest.raises(Stopped):
        fit(LSR(view="plain"), images, 3, recorder(stop_at=(landmarks.PHASE, BLOCK)), 60)


def test_black_images_are_assigned_without_confidence(recorder: Any) -> None:
    images, _ = subspace_images(per_cluster=60)
    rest = draw(180, 90, 0).rest
    images[rest[:2]] = 0
    found = fit(LSR(view="plain"), images, 3, recorder(), 90)
    assert found.confidence is not None
    assert (found.confidence[rest[:2]] == 0).all()
    assert np.isfinite(found.diagnostics["unexpressed_rest"])


def test_queries_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    L, X = (torch.from_numpy(rng.normal(size=(n, 9))) for n in (20, 7))
    K, k = L @ L.T, X @ L.T
    C: NDArray[Any] = matching_pursuit_of(K, k, X.square().sum(dim=1), 4, 0.0).numpy()
    expected = orthogonal_mp_gram(K.numpy(), k.numpy().T, n_nonzero_coefs=4).T
    assert np.allclose(C, expected, atol=1e-6)


def test_how_many_images_are_fitted_to() -> None:
    count = partial(fitted_images, 70_000)
    assert count(10, None) == 70_000
    assert count(10, 512) == 512
    assert count(10, 100_000) == 70_000
    assert count(10, "auto") == LANDMARKS
    assert count(300, "auto") == 6000
    assert count(None, "auto") == LANDMARKS_UNCOUNTED
