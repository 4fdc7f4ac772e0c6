"""Algorithm 1: the order of its events, its special cases, and going on after a stop."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models import training
from models.autoencoder import PRETRAINED
from models.base import Clustering, FloatArray, IntArray, NotFinite, Shape, State, Stopped
from models.catalogue import parse
from models.methods.dscnet import DSCNet
from models.methods.s2convscn import S2ConvSCN
from models.spectral import Segmentation

SHORT: dict[str, Any] = {
    "encoder": [[3, 4]],
    "pretrain_window": 4,
    "pretrain_max_steps": 16,
    "pretrain_batch": 32,
    "pretrain_tolerance": 0,
    "pretrain_floor": 0,
    "self_expression_epochs": 4,
    "epochs": 6,
    "round_epochs": 3,
    "initial_coefficients": "constant",
    "postprocessing": {"dimension": 2, "power": 2.0},
}
Subspaces = tuple[FloatArray, IntArray]


def test_events_come_in_the_order_of_algorithm_1(subspaces: Subspaces, recorder: Any) -> None:
    run = recorder()
    S2ConvSCN.model_validate(SHORT).fit(subspaces[0], 3, run)
    trace = [
        (row["phase"], row["epoch"], "changed_labels" in row, "L3" in row and "L4" in row)
        for row in run.rows
    ]
    stage_one = [event for event in trace if event[0] == "pretraining"]
    assert stage_one
    assert trace[: len(stage_one)] == stage_one
    assert trace[len(stage_one) :] == [
        *[("self_expression", k, False, False) for k in (1, 2, 3, 4)],
        ("training", 1, False, True),
        ("training", 2, False, True),
        ("training", 3, True, True),
        ("training", 4, False, True),
        ("training", 5, False, True),
        ("training", 6, True, True),
    ]


def test_the_head_sleeps_until_the_first_segmentation(subspaces: Subspaces, recorder: Any) -> None:
    run = recorder(stop_at=("self_expression", 4))
    with pytest.raises(Stopped):
        S2ConvSCN.model_validate(SHORT).fit(subspaces[0], 3, run)
    stepped = {k.split(".")[1] for k in run.state.arrays if k.startswith("optimiser")}
    assert stepped == {"0", "1", "2", "3", "10"}  # encoder, decoder, C; 4-9 are the head's
    assert "labels" not in run.state.arrays


def test_without_self_supervision_it_is_dscnet(subspaces: Subspaces, recorder: Any) -> None:
    ablated = S2ConvSCN.model_validate(SHORT | {"gamma3": 0, "gamma4": 0})
    a = ablated.fit(subspaces[0], 3, recorder())
    b = DSCNet.model_validate(SHORT).fit(subspaces[0], 3, recorder())
    assert np.array_equal(a.coefficients, b.coefficients)
    assert set(b.labelings) == {"spectral"}


@pytest.mark.parametrize(
    ("method", "renewal"),
    [
        ({"method": "s2convscn"}, "refine"),
        ({"method": "s2convscn", "gamma3": 0}, "refine"),
        ({"method": "s2convscn", "gamma3": 0, "gamma4": 0}, "anew"),
        ({"method": "dscnet"}, "anew"),
        ({"method": "dasc"}, "refine"),
        ({"method": "dasc", "gamma5": 0}, "anew"),
        ({"method": "dscnet", "renewal": "refine"}, "refine"),
    ],
)
def test_only_what_learns_from_the_last_labels_keeps_to_them(
    method: dict[str, Any], renewal: str
) -> None:
    settings = parse(method).resolve(Shape(60, 1, 8, 8), 3)
    assert isinstance(settings, S2ConvSCN)
    assert settings.renewal == renewal


@pytest.mark.parametrize("weight", ["gamma3", "gamma4"])
def test_each_self_supervision_changes_the_outcome(
    weight: str, subspaces: Subspaces, recorder: Any
) -> None:
    settings = SHORT | {"gamma3": 0.1, "gamma4": 0.1, "encoder": [[3, 8]]}
    both = S2ConvSCN.model_validate(settings).fit(subspaces[0], 3, recorder())
    one = S2ConvSCN.model_validate(settings | {weight: 0}).fit(subspaces[0], 3, recorder())
    assert not np.array_equal(both.coefficients, one.coefficients)


def test_partitions_are_reported_as_they_are_found(subspaces: Subspaces, recorder: Any) -> None:
    run = recorder()
    found = S2ConvSCN.model_validate(SHORT).fit(subspaces[0], 3, run)
    assert [step for step, _ in run.partitions] == [3, 6]
    assert np.array_equal(run.partitions[-1][1], found.labels)


def test_a_finished_stage_one_is_adopted_and_not_trained(
    subspaces: Subspaces, recorder: Any
) -> None:
    donor = recorder(stop_at=("self_expression", 1))
    with pytest.raises(Stopped):
        S2ConvSCN.model_validate(SHORT | {"learning_rate": 1e-12}).fit(subspaces[0], 3, donor)
    arrays = {k: v for k, v in donor.state.arrays.items() if k.startswith(("encoder", "decoder"))}
    run = recorder(seed=5, state=State(arrays, {"phase": PRETRAINED}))
    settings = SHORT | {"learning_rate": 1e-12, "self_expression_epochs": 0, "epochs": 1}
    found = S2ConvSCN.model_validate(settings).fit(subspaces[0], 3, run)
    assert [row["phase"] for row in run.rows] == ["training"]
    assert found.model is not None
    for name, weights in arrays.items():
        assert np.allclose(found.model.arrays[name], weights, atol=1e-6)


@pytest.mark.parametrize(
    "stop", [("pretraining", 3), ("self_expression", 2), ("training", 3), ("training", 4)]
)
def test_a_resumed_run_ends_like_an_undisturbed_one(
    stop: tuple[str, int], subspaces: Subspaces, recorder: Any
) -> None:
    method = S2ConvSCN.model_validate(SHORT)
    undisturbed = recorder()
    expected = method.fit(subspaces[0], 3, undisturbed)
    run = recorder(stop_at=stop)
    with pytest.raises(Stopped):
        method.fit(subspaces[0], 3, run)
    run.stop_at = None
    resumed = method.fit(subspaces[0], 3, run)
    assert_same(resumed, expected)
    assert run.rows == undisturbed.rows


def test_the_last_partition_stays_that_of_a_run_stopped_after_it(
    subspaces: Subspaces, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = S2ConvSCN.model_validate(SHORT)
    expected = method.fit(subspaces[0], 3, recorder())
    run = recorder(stop_at=("training", 6))
    with pytest.raises(Stopped):
        method.fit(subspaces[0], 3, run)
    run.stop_at, exact = None, training.spectral_clustering

    def elsewhere(*given: Any) -> Segmentation:
        found = exact(*given)
        return replace(found, labels=np.roll(found.labels, 1))

    monkeypatch.setattr(training, "spectral_clustering", elsewhere)
    assert np.array_equal(method.fit(subspaces[0], 3, run).labels, expected.labels)


def assert_same(a: Clustering, b: Clustering) -> None:
    assert np.array_equal(a.labels, b.labels)
    assert np.array_equal(a.coefficients, b.coefficients)
    assert np.array_equal(a.labelings["head"], b.labelings["head"])
    assert a.embedding is not None
    assert b.embedding is not None
    assert np.array_equal(a.embedding, b.embedding)


@pytest.mark.parametrize("cost_scale", ["sum", "relative"])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_the_total_is_eq_7(cost_scale: str, norm: str, subspaces: Subspaces, recorder: Any) -> None:
    run = recorder()
    weights = {"gamma0": 2, "gamma1": 0.3, "gamma2": 0.7, "gamma3": 0.2, "gamma4": 0.4}
    settings = SHORT | weights | {"cost_scale": cost_scale, "norm": norm}
    S2ConvSCN.model_validate(settings).fit(subspaces[0], 3, run)
    last = run.rows[-1]
    total = sum(weights[f"gamma{i}"] * last[f"L{i}"] for i in range(5))
    assert last["loss"] == pytest.approx(total, rel=1e-5)
    assert 0 <= last["C_Q_share"] <= 1


def test_relative_costs_do_not_depend_on_the_scale_of_the_pixels(
    subspaces: Subspaces, recorder: Any
) -> None:
    """Only the auto-encoder's start does: with it frozen, the costs at C's start are equal."""
    first = []
    for scale in (1.0, 255.0):
        run = recorder()
        settings = SHORT | {"cost_scale": "relative", "pixel_scale": scale}
        with torch.random.fork_rng():
            S2ConvSCN.model_validate(settings).fit(subspaces[0], 3, run)
        first.append(next(row for row in run.rows if row["phase"] == "self_expression"))
    assert first[0]["L2"] == pytest.approx(first[1]["L2"], rel=0.05)


def test_stage_one_stops_by_its_rule(subspaces: Subspaces, recorder: Any) -> None:
    run = recorder()
    settings = SHORT | {"pretrain_tolerance": 0.9, "pretrain_max_steps": 10_000}
    S2ConvSCN.model_validate(settings).fit(subspaces[0], 3, run)
    costs = [row["L0"] for row in run.rows if row["phase"] == "pretraining"]
    window = 1  # 90 images in batches of 32 are 3 steps an epoch; 4 steps are about 1 epoch
    assert costs[-1] > 0.1 * costs[-1 - window]
    assert all(after <= 0.1 * before for before, after in itertools.pairwise(costs[:-1]))


def test_stage_one_stops_when_the_images_are_reconstructed(
    subspaces: Subspaces, recorder: Any
) -> None:
    run = recorder()
    images, floor = subspaces[0], 0.2
    settings = SHORT | {"pixel_scale": 1, "pretrain_floor": floor, "pretrain_max_steps": 10_000}
    S2ConvSCN.model_validate(settings | {"pretrain_tolerance": 0}).fit(images, 3, run)
    costs = [row["L0"] for row in run.rows if row["phase"] == "pretraining"]
    target = floor * float((images.astype(np.float64) ** 2).sum()) / (2 * len(images))
    assert costs[-1] <= target
    assert all(cost > target for cost in costs[:-1])


def test_divergence_names_epoch_cost_and_remedy(subspaces: Subspaces, recorder: Any) -> None:
    method = parse({"method": "s2convscn", **SHORT, "view": "plain", "learning_rate": 1.0})
    images = subspaces[0] * np.float32(1e25)
    with pytest.raises(NotFinite, match=r"epoch \d+ of stage I.*lower learning_rate"):
        method.fit(images, 3, recorder())


def test_black_images_make_no_nan(subspaces: Subspaces, recorder: Any) -> None:
    images = subspaces[0].copy()
    images[:5] = 0
    found = S2ConvSCN.model_validate(SHORT).fit(images, 3, recorder())
    assert np.isfinite(found.affinity).all()
    assert np.isfinite(found.coefficients).all()
    silent = S2ConvSCN.model_validate(SHORT).fit(np.zeros_like(images), 3, recorder())
    assert np.isfinite(silent.affinity).all()
