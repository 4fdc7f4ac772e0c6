"""Estimators: scikit-learn's own checks for those of vectors, images for those of images."""

import inspect
import pickle
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import estimator_checks_generator

import models
from models.base import FloatArray, IntArray
from models.catalogue import METHODS
from models.estimators import ESTIMATORS

SHALLOW = sorted(name for name, made in ESTIMATORS.items() if not made.kind.needs_images)
DEEP = sorted(set(ESTIMATORS) - set(SHALLOW))
FEWER = {
    "kssc": {"tolerance": 0.01},
    "soft-s3c": {"rounds": 2, "max_iterations": 50, "tolerance": 0.01},
    "ssc": {"tolerance": 2e-3},
}
"""Iterations of what is slow; scikit-learn's checks fit each some sixty times."""
BLOBS = "check_clustering wants three blobs in a plane told apart, which are no subspaces"
EXCEPTIONS = {
    "ssc-omp": {"check_clustering": f"{BLOBS}: two coefficients of 2-D points say nothing"},
    "soft-s3c": {"check_clustering": f"{BLOBS}: its labels feed back into C and settle on others"},
}
BRIEF = {"pretrain_max_steps": 100, "pretrain_window": 50, "encoder": ((3, 8),)}


def checks() -> list[Any]:
    found = []
    for name in SHALLOW:
        made = ESTIMATORS[name](**FEWER.get(name, {}))
        for estimator, check in estimator_checks_generator(made, legacy=True):
            known = getattr(check, "func", check).__name__
            reason = EXCEPTIONS.get(name, {}).get(known)
            marks = [pytest.mark.xfail(reason=reason)] if reason else []
            found.append(pytest.param(estimator, check, id=f"{name}-{known}", marks=marks))
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def images_of(subspaces: tuple[FloatArray, IntArray]) -> tuple[FloatArray, IntArray]:
    return subspaces[0][:, 0], subspaces[1]


@pytest.mark.parametrize("name", SHALLOW)
def test_images_go_to_shallow_methods_too(
    subspaces: tuple[FloatArray, IntArray], name: str
) -> None:
    X, truth = images_of(subspaces)
    found = ESTIMATORS[name](3, **FEWER.get(name, {})).fit(X)
    assert found.labels_.shape == found.confidence_.shape == (len(X),)
    assert found.n_clusters_ == 3
    if name not in {"kmeans", "spectral"}:
        assert adjusted_rand_score(truth, found.labels_) > 0.9
        assert found.affinity_matrix_.shape == found.coefficients_.shape == (len(X), len(X))


@pytest.mark.parametrize("name", DEEP)
def test_images_of_bytes_and_colours_go_to_deep_ones(
    subspaces: tuple[FloatArray, IntArray], name: str
) -> None:
    X, truth = images_of(subspaces)
    brief = BRIEF | ({"epochs": 5} if "epochs" in METHODS[name].model_fields else {})
    found = ESTIMATORS[name](n_clusters=3, **brief)
    labels = found.fit_predict((X * 255).astype(np.uint8))
    assert adjusted_rand_score(truth, labels) > 0.8
    assert found.embedding_.shape[0] == len(X)
    colour = clone(found).fit(np.repeat(X[..., None], 3, axis=3))
    assert len(colour.labels_) == len(X)
    assert np.array_equal(pickle.loads(pickle.dumps(colour)).labels_, colour.labels_)  # noqa: S301


def test_the_head_predicts_and_those_without_one_do_not(
    subspaces: tuple[FloatArray, IntArray],
) -> None:
    X, truth = images_of(subspaces)
    found = models.S2ConvSCN(3, **BRIEF, epochs=300).fit(X[:60])
    owner = np.array([np.bincount(truth[:60][found.labels_ == k]).argmax() for k in range(3)])
    assert (owner[found.predict(X[60:])] == truth[60:]).mean() > 0.9
    assert found.predict(X[60:61]) == found.predict(X[60:])[:1]
    with pytest.raises(ValueError, match="were trained on"):
        found.predict(X[60:, :8, :8])
    assert {name for name, made in ESTIMATORS.items() if hasattr(made(), "predict")} == {
        "s2convscn"
    }


@pytest.mark.parametrize("name", ["kmeans", "lsr", "s2convscn"])
def test_some_stand_for_all(subspaces: tuple[FloatArray, IntArray], name: str) -> None:
    X, truth = images_of(subspaces)
    brief = BRIEF | {"epochs": 50} if name in DEEP else {}
    found = ESTIMATORS[name](3, landmarks=60, **brief).fit(X)
    assert len(np.unique(found.landmarks_)) == 60
    assert found.labels_.shape == found.confidence_.shape == (len(X),)
    if name == "kmeans":
        assert found.affinity_matrix_ is None
    else:
        assert sparse.issparse(found.affinity_matrix_)
        assert found.affinity_matrix_.shape == found.coefficients_.shape == (len(X), len(X))
        assert adjusted_rand_score(truth, found.labels_) > 0.9
    assert clone(found).set_params(landmarks=None).fit(X).landmarks_ is None


def test_the_number_may_be_left_open(subspaces: tuple[FloatArray, IntArray]) -> None:
    X, _ = images_of(subspaces)
    assert models.LSR("auto").fit(X).n_clusters_ == 3


@pytest.mark.parametrize(
    ("given", "X", "words"),
    [
        ({"n_clusters": 0}, np.zeros((5, 8, 8)), "of 5 samples there can be 1 to 5"),
        ({"n_clusters": 6}, np.zeros((5, 8, 8)), "of 5 samples there can be 1 to 5"),
        ({"landmarks": 7}, np.zeros((20, 8, 8)), "landmarks=7, not"),
        ({"landmarks": "some"}, np.zeros((20, 8, 8)), "landmarks='some', not"),
        ({}, np.zeros((20, 64)), "trains an auto-encoder on images"),
        ({}, np.full((20, 8, 8), 3.0), r"pixels are uint8, or floats in \[0, 1\]"),
        ({}, np.zeros((20, 8, 8, 2)), "have 1 or 3 channels"),
        ({"gamma2": -1}, np.zeros((20, 8, 8)), "gamma2"),
        ({"encoder": "none"}, np.zeros((20, 8, 8)), "encoder"),
    ],
)
def test_what_cannot_be_clustered(given: dict[str, Any], X: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        models.S2ConvSCN(**given).fit(X)


def test_a_solver_that_did_not_converge_warns(subspaces: tuple[FloatArray, IntArray]) -> None:
    with pytest.warns(ConvergenceWarning, match="max_iterations"):
        models.SSC(3, outliers=True, max_iterations=1).fit(images_of(subspaces)[0])


def test_every_method_is_an_estimator_that_tells_its_hyperparameters() -> None:
    assert set(ESTIMATORS) == set(METHODS)
    for name, made in ESTIMATORS.items():
        fields = set(METHODS[name].model_fields) - {"method"}
        parameters = set(inspect.signature(made).parameters)
        assert parameters == fields | {"n_clusters", "random_state", "device", "landmarks"}
        assert all(field in (made.__doc__ or "") for field in parameters)
        assert getattr(models, made.__name__) is made
    with pytest.raises(AttributeError, match="there is no estimator 'None_'"):
        _ = models.None_
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = models.nothing
