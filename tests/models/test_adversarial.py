"""DASC: the fakes, the gradient of L5, and going on after a stop."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.adversarial import Adversarial, by_cluster, scaled
from models.base import FloatArray, IntArray, NotFinite, Shape, Stopped
from models.discriminator import Sample
from models.hyperparameters import Layer
from models.methods.dasc import DASC
from models.methods.dscnet import DSCNet
from models.network import Network
from models.training import Training

N, CLUSTERS = 41, 4
COSTS = {"L0", "L1", "L2", "L5", "D", "D_real", "D_fake", "D_overlap", "D_orthonormality"}
SHORT: dict[str, Any] = {
    "encoder": [[3, 4]],
    "pretrain_window": 4,
    "pretrain_max_steps": 16,
    "pretrain_batch": 32,
    "self_expression_epochs": 2,
    "epochs": 6,
    "round_epochs": 3,
    "gamma5": 0.1,
    "postprocessing": {"dimension": 2, "power": 2.0},
}
Subspaces = tuple[FloatArray, IntArray]


def made(**settings: object) -> Adversarial:
    """In float64, with labels of its own to come."""
    chosen = DASC.model_validate(
        {"encoder": (Layer(3, 6), Layer(2, 10)), "gamma5": 0.7, "margin": 1.0} | settings
    ).resolve(Shape(N, 1, 9, 7), CLUSTERS)
    torch.manual_seed(0)
    C = torch.randn(N, N) * 0.05
    net = Network((1, 9, 7), chosen.encoder or (), C, CLUSTERS, zero_diagonal=True).double()
    found = chosen.objective(net, torch.rand(N, 1, 9, 7, dtype=torch.float64), 3)
    assert isinstance(found, Adversarial)
    return found


def one_hot(labels: Tensor) -> Tensor:
    return F.one_hot(labels, CLUSTERS).double()


def even() -> Tensor:
    return one_hot(torch.arange(N) % CLUSTERS)


def literal_l5(found: Adversarial, Q: Tensor) -> Tensor:
    """Mean residual of the epoch's fakes, one after the other, counted as L2 is."""
    found.discriminator.played -= 1
    crowd, alpha = found._draw(Q)
    found.discriminator.played += 1
    Z = found.network.encoder(found.X)
    unit = N if found.settings.cost_scale == "relative" else Z.detach().square().sum()
    Z = Z / Z.norm(dim=1, keepdim=True)
    residuals = []
    for i in range(CLUSTERS):
        U = found.discriminator.U[i].detach().T  # (p, r)
        for weights in alpha[i]:
            parts = [w * Z[j] for w, j in zip(weights, crowd.images[i], strict=True)]
            fake = torch.stack(parts).sum(dim=0)
            fake = fake / fake.norm()
            residuals.append((fake - U @ (U.T @ fake)).square().sum())
    return unit * torch.stack(residuals).mean()


@pytest.mark.parametrize("scale", ["relative", "sum"])
def test_l5_and_its_gradient_are_those_of_the_formula(scale: str) -> None:
    settings = {"cost_scale": scale, "gamma0": 0, "gamma1": 0, "gamma2": 1e-30}
    found, Q = made(**settings), even()
    costs = found.differentiate(Q)
    gradients = [p.grad.clone() for p in found.network.encoder.parameters() if p.grad is not None]
    expected = literal_l5(found, Q)
    torch.testing.assert_close(costs["L5"], expected.detach(), rtol=1e-10, atol=0)
    wanted = torch.autograd.grad(0.7 * expected, [*found.network.encoder.parameters()])
    assert max(g.abs().max() for g in wanted) > 1e-3
    torch.testing.assert_close(gradients, list(wanted), rtol=1e-8, atol=1e-12)


def test_the_gradient_by_features_agrees_with_finite_differences() -> None:
    found, Q = made(), even()
    found.differentiate(Q)
    crowd, alpha = found._draw(Q)

    def L5(features: Tensor) -> Tensor:
        return found.fakes(found._show(features, crowd, alpha))

    features = torch.rand(*crowd.images.shape, 5, dtype=torch.float64)
    found.discriminator.U = torch.nn.Parameter(torch.rand(CLUSTERS, 2, 5).double())
    assert torch.autograd.gradcheck(L5, features.requires_grad_())


def test_the_discriminator_descends_on_its_cost() -> None:
    found, Q = made(discriminator_steps=1, discriminator_rate=1e-3), even()
    D = [found.differentiate(Q)["D"].item() for _ in range(40)]
    assert np.mean(D[-10:]) < np.mean(D[:10])


def test_fakes_are_of_unit_length_in_the_span_of_their_clusters_features() -> None:
    found, Q = made(), one_hot(torch.tensor([0] * 3 + [1] * 30 + [2] * 7 + [3]))
    Z = F.normalize(found.network.encode(found.X).detach())
    crowd, alpha = found._draw(Q)
    weights, lengths = scaled(alpha, Z[crowd.images])
    fakes = weights @ Z[crowd.images]
    torch.testing.assert_close(fakes.norm(dim=2), lengths)
    for i, members in enumerate(Q.T.bool()):
        basis = torch.linalg.svd(Z[members], full_matrices=False)[2]
        torch.testing.assert_close(fakes[i] @ basis.T @ basis, fakes[i])
    assert not torch.equal(found._draw(Q)[1], made()._draw(even())[1])


def test_fakes_of_black_images_are_black() -> None:
    weights, lengths = scaled(torch.ones(1, 2, 3), torch.zeros(1, 3, 4))
    assert torch.isfinite(weights).all()
    assert not lengths.any()


def test_each_epoch_draws_anew_and_each_seed_of_its_own() -> None:
    found, Q = made(), even()
    first, again = found._draw(Q)[1], found._draw(Q)[1]
    assert torch.equal(first, again)
    found.discriminator.played += 1
    assert not torch.equal(first, found._draw(Q)[1])
    found.discriminator.played -= 1
    found.seed += 1
    assert not torch.equal(first, found._draw(Q)[1])


def test_members_are_those_of_the_labels() -> None:
    labels = torch.tensor([2, 0, 0, 3, 0, 2, 0, 0, 0])
    crowd = by_cluster(one_hot(labels), 4, torch.Generator().manual_seed(0))
    assert crowd.sizes.tolist() == [4, 0, 2, 1]
    for i, size in enumerate((4, 0, 2, 1)):
        found = crowd.images[i][crowd.present[i]].tolist()
        assert len(set(found)) == size
        assert set(found) <= set(torch.nonzero(labels == i).flatten().tolist())


def test_padding_and_the_worst_images_do_not_count() -> None:
    found, Q = made(real_share=0.5), one_hot(torch.tensor([0] * 20 + [1] * 10 + [2] * 10 + [3]))
    crowd, alpha = found._draw(Q)
    shown = found._show(torch.rand(*crowd.images.shape, 5).double(), crowd, alpha)
    assert isinstance(shown, Sample)
    assert shown.kept.tolist() == [10, 5, 5, 1]


def test_without_weight_it_is_dscnet(subspaces: Subspaces, recorder: Any) -> None:
    a = DASC.model_validate(SHORT | {"gamma5": 0}).fit(subspaces[0], 3, recorder())
    shared = {key: value for key, value in SHORT.items() if key != "gamma5"}
    b = DSCNet.model_validate(shared).fit(subspaces[0], 3, recorder())
    assert np.array_equal(a.coefficients, b.coefficients)


def test_it_changes_features_and_coefficients(subspaces: Subspaces, recorder: Any) -> None:
    a = DASC.model_validate(SHORT | {"gamma5": 0}).fit(subspaces[0], 3, recorder())
    b = DASC.model_validate(SHORT).fit(subspaces[0], 3, recorder())
    assert not np.array_equal(a.embedding, b.embedding)
    assert not np.array_equal(a.coefficients, b.coefficients)


@pytest.mark.parametrize("cost_scale", ["relative", "sum"])
def test_the_costs_are_told_by_name(cost_scale: str, subspaces: Subspaces, recorder: Any) -> None:
    run = recorder()
    weights = {"gamma0": 2, "gamma1": 0.3, "gamma2": 0.7, "gamma5": 0.4}
    DASC.model_validate(SHORT | weights | {"cost_scale": cost_scale}).fit(subspaces[0], 3, run)
    waiting = [row for row in run.rows if row["phase"] == "self_expression"]
    assert not any("D" in row for row in waiting)
    for row in (row for row in run.rows if row["phase"] == "training"):
        assert set(row) >= COSTS
        total = sum(weight * row[f"L{name[-1]}"] for name, weight in weights.items())
        assert row["loss"] == pytest.approx(total, rel=1e-5)
        parts = row["D_real"] + row["D_fake"] + 0.01 * (row["D_overlap"] + row["D_orthonormality"])
        assert row["D"] == pytest.approx(parts, rel=1e-5)


@pytest.mark.parametrize("epoch", range(1, 7))
def test_a_resumed_run_ends_like_an_undisturbed_one(
    epoch: int, subspaces: Subspaces, recorder: Any
) -> None:
    method, undisturbed = DASC.model_validate(SHORT), recorder()
    expected = method.fit(subspaces[0], 3, undisturbed)
    run = recorder(stop_at=("training", epoch))
    with pytest.raises(Stopped):
        method.fit(subspaces[0], 3, run)
    run.stop_at = None
    resumed = method.fit(subspaces[0], 3, run)
    assert run.rows == undisturbed.rows
    assert np.array_equal(resumed.labels, expected.labels)
    assert np.array_equal(resumed.coefficients, expected.coefficients)
    assert np.array_equal(resumed.embedding, expected.embedding)


@pytest.mark.parametrize(
    ("cost", "setting"),
    [
        ("L5", "gamma5"),
        ("D", "discriminator_rate"),
        ("D_real", "discriminator_rate"),
        ("D_overlap", "beta1"),
        ("D_orthonormality", "beta2"),
        ("L2", "gamma2"),
    ],
)
def test_divergence_names_cost_and_setting(
    cost: str, setting: str, subspaces: Subspaces, recorder: Any
) -> None:
    settings = DASC.model_validate(SHORT).resolve(Shape(*subspaces[0].shape), 3)
    training = Training(settings, subspaces[0], 3, recorder())
    with pytest.raises(NotFinite, match=rf"cost {cost} .*lower learning_rate or {setting}\."):
        training.check({"loss": 1.0, cost: float("nan")})


def test_black_images_make_no_nan(subspaces: Subspaces, recorder: Any) -> None:
    images = subspaces[0].copy()
    images[:5] = 0
    for cost_scale in ("relative", "sum"):
        method = DASC.model_validate(SHORT | {"cost_scale": cost_scale})
        found = method.fit(images, 3, recorder())
        assert np.isfinite(found.coefficients).all()
        silent = method.fit(np.zeros_like(images), 3, recorder())
        assert np.isfinite(silent.affinity).all()


@pytest.mark.parametrize(
    ("n_images", "n_clusters", "dimension"), [(400, 40, 3), (1440, 20, 12), (9, 4, 1), (12, 6, 1)]
)
def test_the_dimension_is_the_clean_ups_but_for_small_clusters(
    n_images: int, n_clusters: int, dimension: int
) -> None:
    resolved = DASC().resolve(Shape(n_images, 1, 16, 16), n_clusters)
    assert resolved.subspace_dimension == dimension


def test_more_dimensions_than_images_are_as_many_as_images(
    subspaces: Subspaces, recorder: Any
) -> None:
    method = DASC.model_validate(SHORT | {"subspace_dimension": 100, "epochs": 3})
    run = recorder(stop_at=("training", 3))
    with pytest.raises(Stopped):
        method.fit(subspaces[0][:21], 3, run)
    assert run.state.arrays["discriminator.U"].shape == (3, 7, 4 * 6 * 6)
