from typing import Any

import numpy as np
import pytest
import torch

from models.affinity import processed
from models.base import FloatArray, IntArray, Stopped
from models.eigen import largest_by_value
from models.hyperparameters import PostProcessing
from models.methods.ensc import EnSC
from models.methods.s2convscn import S2ConvSCN
from models.ridge import GAMMA, RIDGES, TAU, closed_forms, start, widest
from models.selfexpression import closed_form
from models.sharpening import nearest
from models.sparsity import ROUGHLY, elastic_net
from models.spectral import spectral_clustering

N_CLUSTERS = 4
CLEAN = PostProcessing(dimension=3, power=2, spectrum="positive", neighbours=6)


def noisy(noise: float) -> FloatArray:
    """(N, 30): four subspaces of three dimensions, with noise."""
    rng = np.random.default_rng(0)
    bases = rng.standard_normal((N_CLUSTERS, 3, 30))
    points = [rng.standard_normal((25, 3)) @ basis for basis in bases]
    Z = np.concatenate(points)
    return (Z + noise * rng.standard_normal(Z.shape)).astype(np.float32)


def turning() -> FloatArray:
    """(N, 8): four closed curves around the same point, as views of objects on a turntable are."""
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * np.arange(40) / 40
    middle = 2 * rng.standard_normal(8)
    curves = []
    for _ in range(N_CLUSTERS):
        X = np.tile(middle + rng.standard_normal(8), (40, 1))
        for h in (1, 2, 3):
            a, b = rng.standard_normal((2, 8)) / h
            X = X + np.outer(np.cos(h * angle), a) + np.outer(np.sin(h * angle), b)
        curves.append(X)
    Z = np.concatenate(curves)
    return (Z + 0.1 * rng.standard_normal(Z.shape)).astype(np.float32)


@pytest.mark.parametrize("noise", [0.01, 0.5, 2.0])
def test_the_ridge_chosen_has_the_widest_relative_eigengap(noise: float) -> None:
    Z = torch.from_numpy(noisy(noise))
    settings = S2ConvSCN(ridge="eigengap", postprocessing=CLEAN)
    unit = torch.nn.functional.normalize(Z)
    gaps = []
    for ridge in RIDGES:
        A = processed(closed_form(unit, ridge).numpy(), N_CLUSTERS, CLEAN)
        gaps.append(spectral_clustering(A, N_CLUSTERS, 0).relative_eigengap)
    chosen = start(Z, settings, N_CLUSTERS)
    assert chosen.figures == {"ridge": RIDGES[int(np.argmax(gaps))]}
    assert torch.equal(chosen.C, closed_form(unit, RIDGES[int(np.argmax(gaps))]))


@pytest.mark.parametrize(("Z", "sparse"), [(noisy(0.5), False), (turning(), True)])
def test_an_elastic_net_is_taken_where_its_clusters_stand_out_more(
    Z: FloatArray, sparse: bool
) -> None:
    settings = S2ConvSCN(ridge="eigengap", postprocessing=CLEAN)
    closed = start(torch.from_numpy(Z), settings, N_CLUSTERS)
    found = start(torch.from_numpy(Z), settings, N_CLUSTERS, net=True)
    assert ("elastic_net_gamma" in found.figures) is sparse
    assert (found.gap > closed.gap) is sparse
    assert (float((found.C != 0).float().mean()) < 0.5) is sparse


def test_a_handicap_must_be_made_up_for() -> None:
    Z = torch.from_numpy(turning())
    first, second = closed_forms((0.3, 10.0))
    gaps = [widest(Z, 4, [c], "processed", CLEAN).gap for c in (first, second)]
    for factor, winner in ((0.9, second), (1.1, first)):
        handicapped = second._replace(handicap=factor * gaps[1] / gaps[0])
        found = widest(Z, 4, [first, handicapped], "processed", CLEAN)
        assert found.figures == winner.figures


def test_the_elastic_net_is_that_of_the_method(recorder: Any) -> None:
    unit = torch.nn.functional.normalize(torch.from_numpy(turning()))
    beats: list[None] = []
    C = elastic_net(unit, lambda: beats.append(None), tau=TAU, gamma=GAMMA)
    method = EnSC(tau=TAU, gamma=GAMMA, tolerance=ROUGHLY)
    expected = method.represent(unit, N_CLUSTERS, recorder()).C
    torch.testing.assert_close(C, expected, atol=0.01, rtol=0)
    assert beats


@pytest.mark.parametrize("step", [1, 6, 7])
def test_a_stop_while_c_is_chosen_changes_no_result(
    step: int, subspaces: tuple[FloatArray, IntArray], recorder: Any
) -> None:
    settings = S2ConvSCN(pretrain_max_steps=20, epochs=4, round_epochs=2, encoder=((3, 4),))
    whole = settings.fit(subspaces[0], 3, recorder())
    run = recorder(stop_at=("initialising", step))
    with pytest.raises(Stopped):
        settings.fit(subspaces[0], 3, run)
    assert run.state is not None
    again = settings.fit(subspaces[0], 3, recorder(state=run.state))
    assert again.diagnostics == whole.diagnostics
    assert np.array_equal(again.coefficients, whole.coefficients)


def test_a_given_ridge_is_taken() -> None:
    found = start(torch.from_numpy(noisy(0.1)), S2ConvSCN(ridge=0.7), N_CLUSTERS)
    assert found.figures == {"ridge": 0.7}


def test_the_ridge_is_told_after_a_resume_too(
    subspaces: tuple[FloatArray, IntArray], recorder: Any
) -> None:
    settings = S2ConvSCN(
        pretrain_max_steps=20, initial_coefficients="closed_form", epochs=4, round_epochs=2
    )
    whole = settings.fit(subspaces[0], 3, recorder())
    assert whole.diagnostics["ridge"] in RIDGES
    run = recorder(stop_at=("training", 2))
    with pytest.raises(Stopped):
        settings.fit(subspaces[0], 3, run)
    again = settings.fit(subspaces[0], 3, recorder(state=run.state))
    assert again.diagnostics == whole.diagnostics


@pytest.mark.parametrize("k", [1, 3, 50])
def test_nearest_keeps_the_k_largest_of_each_row_but_not_itself(k: int) -> None:
    A = torch.rand(20, 20, generator=torch.Generator().manual_seed(0))
    found = nearest(A, k)
    for i in range(20):
        others = np.delete(np.arange(20), i)
        kept = others[np.argsort(-A[i, others].numpy())[:k]]
        expected = torch.zeros(20)
        expected[kept] = A[i, kept]
        assert torch.equal(found[i], expected)


def test_the_positive_part_leaves_negative_eigenvalues_out() -> None:
    U = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 12)))[0]
    spectrum = np.array([-9.0, 5, 4, 3, -2, 1, 0, 0, 0, 0, 0, 0])
    values, V = largest_by_value((U * spectrum) @ U.T, 3)
    assert np.allclose(values, [5, 4, 3])
    assert np.allclose(np.abs(np.einsum("ij,ij->j", U[:, 1:4], V)), 1)
    values, _ = largest_by_value((U * spectrum) @ U.T, 12)
    assert values.min() == 0


def test_neighbours_make_a_sparse_symmetric_affinity() -> None:
    C = closed_form(torch.from_numpy(noisy(0.3)), 1.0).numpy()
    A = processed(C, N_CLUSTERS, CLEAN)
    assert np.array_equal(A, A.T)
    assert (A.diagonal() == 0).all()
    assert ((A > 0).sum(axis=1) >= 1).all()
    assert (A > 0).sum() <= 2 * 6 * len(A)
