"""What the methods without a network add to their solvers."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import adjusted_rand_score

from models.base import FloatArray, IntArray, Method, Shape, Unsuitable
from models.catalogue import METHODS, parse
from models.methods.soft_s3c import S3C
from models.structure import separation

Subspaces = tuple[FloatArray, IntArray]
DEEP = {"s2convscn", "dscnet", "dasc", "ae-ssc", "ae-edsc"}
FORMS: list[dict[str, Any]] = [
    {"method": "ssc", "outliers": True},
    {"method": "ssc", "affine": True},
    {"method": "ssc", "outliers": True, "affine": True},
    {"method": "edsc", "affine": True},
    {"method": "edsc", "outliers": True, "fidelity": 5, "sparsity": 0.5},
    {"method": "lrsc", "form": "noisy"},
    {"method": "lrsc", "form": "outliers"},
    {"method": "kssc", "kernel": "polynomial"},
    {"method": "kssc", "kernel": "polynomial", "degree": 3, "offset": 1},
    {"method": "soft-s3c", "segmentation": "hard"},
    {"method": "soft-s3c", "outliers": True},
    {"method": "ensc", "tau": 1},
    {"method": "lsr", "ridge": 0.1},
    {"method": "spectral", "assign": "cluster_qr"},
    *({"method": "lrr", "affinity": kind} for kind in ("plain", "ssc", "lrr", "edsc", "unit_rows")),
    *({"method": "ssc", "affinity": kind} for kind in ("processed", "ssc", "unit_rows")),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(map(str, form.values())))
def test_every_form_separates_orthogonal_subspaces(
    form: dict[str, Any], subspaces: Subspaces, recorder: Any
) -> None:
    images, truth = subspaces
    found = parse(form).fit(images, 3, recorder())
    assert adjusted_rand_score(truth, found.labels) == 1
    assert not [n for n in found.notices if n.code == "not-converged"]


@pytest.mark.parametrize(
    "limited",
    [
        {"method": "ssc", "outliers": True, "max_iterations": 3},
        {"method": "lrr", "max_iterations": 3},
        {"method": "edsc", "outliers": True, "max_iterations": 1},
        {"method": "lrsc", "form": "outliers", "max_iterations": 1, "tolerance": 1e-12},
        {"method": "kmeans", "max_iterations": 1, "restarts": 1},
    ],
    ids=lambda form: form["method"],
)
def test_a_solver_that_stops_at_its_limit_says_so(
    limited: dict[str, Any], subspaces: Subspaces, recorder: Any
) -> None:
    found = parse(limited).fit(subspaces[0], 3, recorder())
    (notice,) = [n for n in found.notices if n.code == "not-converged"]
    assert METHODS[limited["method"]].title in notice.detail
    assert "raise max_iterations" in notice.detail


@pytest.mark.parametrize(
    ("unsuitable", "said"),
    [
        ({"method": "ssc-omp", "coefficients": 30}, "an image has 29 others: choose 1 to 29"),
        ({"method": "spectral", "neighbours": 30}, "an image has 29 others: choose 1 to 29"),
    ],
)
def test_more_neighbours_than_images_are_refused(unsuitable: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(unsuitable).resolve(Shape(30, 1, 8, 8), 3)


@pytest.mark.parametrize("name", ["ssc", "edsc"])
def test_affine_needs_something_to_mix(name: str) -> None:
    with pytest.raises(ValueError, match="3 images or more"):
        parse({"method": name, "affine": True}).resolve(Shape(2, 1, 8, 8), 2)


def test_edsc_has_one_form_at_a_time() -> None:
    with pytest.raises(ValidationError, match="cannot be combined"):
        parse({"method": "edsc", "affine": True, "outliers": True})


def test_an_indefinite_kernel_is_unsuitable(subspaces: Subspaces, recorder: Any) -> None:
    method = parse({"method": "kssc", "kernel": "polynomial", "degree": 3, "offset": -1})
    with pytest.raises(Unsuitable, match="Take an offset of 0 or more"):
        method.fit(subspaces[0], 3, recorder())


def test_without_strength_structure_is_plain_sparsity(subspaces: Subspaces, recorder: Any) -> None:
    a = parse({"method": "soft-s3c", "strength": 0}).fit(subspaces[0], 3, recorder())
    b = parse({"method": "ssc"}).fit(subspaces[0], 3, recorder())
    assert a.coefficients is not None
    assert b.coefficients is not None
    assert np.array_equal(a.coefficients, b.coefficients)


@pytest.mark.parametrize("segmentation", ["soft", "hard"])
def test_separation_is_half_the_squared_distance_of_rows(segmentation: str) -> None:
    C = torch.block_diag(*[torch.rand(5, 5) + 0.1 for _ in range(3)])
    settings = S3C.model_validate({"segmentation": segmentation})
    Theta = separation(settings, C, 3, seed=0)
    apart = torch.block_diag(*[torch.ones(5, 5)] * 3) == 0
    assert Theta[~apart].abs().max() < 1e-3
    torch.testing.assert_close(Theta[apart], torch.ones(150), rtol=0, atol=1e-3)


def test_black_images_among_others_are_clustered_without_a_fuss(recorder: Any) -> None:
    images = np.zeros((12, 1, 8, 8), dtype=np.float32)
    images[6:, 0, :4] = np.random.default_rng(0).random((6, 4, 8))
    for name in sorted(set(METHODS) - DEEP - {"kmeans"}):
        found = parse({"method": name}).fit(images, 2, recorder())
        assert np.isfinite(found.affinity).all(), name


def test_images_that_are_all_black_are_clustered_without_a_fuss(recorder: Any) -> None:
    black = np.zeros((12, 1, 8, 8), dtype=np.float32)
    for name in sorted(set(METHODS) - DEEP - {"kmeans"}):
        found = parse({"method": name, "view": "plain"}).fit(black, 2, recorder())
        assert np.isfinite(found.affinity).all(), name


@pytest.mark.parametrize("name", ["lsr", "edsc", "ensc", "ssc-omp", "ssc"])
def test_black_images_take_no_cluster_from_the_others(
    name: str, subspaces: Subspaces, recorder: Any
) -> None:
    images, truth = subspaces
    black = np.concatenate([images, np.zeros_like(images[:2])])
    found = parse({"method": name}).fit(black, 3, recorder())
    assert adjusted_rand_score(found.labels[: len(truth)], truth) == 1


@pytest.mark.parametrize("name", ["ae-ssc", "ae-edsc"])
def test_stage_one_resumes_to_the_same_labels(
    name: str, subspaces: Subspaces, recorder: Any
) -> None:
    from models.base import Stopped  # noqa: PLC0415 - beside its only use

    method: Method = parse({"method": name, "pretrain_max_steps": 60})
    whole = method.fit(subspaces[0], 3, recorder())
    first = recorder(stop_at=("pretraining", 10))
    with pytest.raises(Stopped):
        method.fit(subspaces[0], 3, first)
    resumed = method.fit(subspaces[0], 3, recorder(state=first.state))
    assert whole.coefficients is not None
    assert resumed.coefficients is not None
    assert np.array_equal(whole.coefficients, resumed.coefficients)
    again = method.fit(subspaces[0], 3, recorder(state=whole.start))
    assert np.array_equal(again.labels, whole.labels)


@pytest.mark.parametrize("name", ["ae-ssc", "ae-edsc"])
def test_features_are_those_of_the_deep_methods_stage_one(
    name: str, subspaces: Subspaces, recorder: Any
) -> None:
    steps = {"pretrain_max_steps": 60, "view": "plain"}
    shallow = parse({"method": name} | steps).fit(subspaces[0], 3, recorder())
    deep = parse({"method": "dscnet", "epochs": 0} | steps).fit(subspaces[0], 3, recorder())
    assert shallow.embedding is not None
    assert deep.embedding is not None
    assert np.allclose(shallow.embedding, deep.embedding, rtol=1e-3, atol=1e-3)


def test_a_black_image_does_not_loosen_the_penalty_of_the_others(
    subspaces: Subspaces, recorder: Any
) -> None:
    images = subspaces[0]
    black = np.concatenate([images, np.zeros_like(images[:1])])
    method = parse({"method": "ssc", "view": "plain"})
    alone = method.fit(images, 3, recorder()).coefficients
    beside = method.fit(black, 3, recorder()).coefficients
    assert alone is not None
    assert beside is not None
    assert np.abs(beside).sum() == pytest.approx(np.abs(alone).sum(), rel=1e-3)
    assert not beside[-1].any()
