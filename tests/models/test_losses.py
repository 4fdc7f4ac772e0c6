"""Every cost against a literal transcription of its equation, its gradient against differences."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from models import losses

N, P, K = 6, 5, 3
LABELS = [0, 1, 2, 0, 1, 1]


def points(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@pytest.fixture
def Q() -> Tensor:
    return torch.eye(K, dtype=torch.float64)[LABELS]


def test_l0_is_half_the_squared_distance_of_each_pixel() -> None:
    X, X_hat = points(N, 1, 3, 3), points(N, 1, 3, 3, seed=1)
    literal = sum(
        (X[j, 0, u, v] - X_hat[j, 0, u, v]) ** 2
        for j in range(N)
        for u in range(3)
        for v in range(3)
    )
    assert losses.L0(X, X_hat).item() == pytest.approx(float(literal) / 2)


@pytest.mark.parametrize(("norm", "power"), [("l1", 1), ("l2", 2)])
def test_l1_sums_the_entries_of_c(norm: losses.Norm, power: int) -> None:
    C = points(N, N)
    literal = sum(abs(C[i, j]) ** power for i in range(N) for j in range(N))
    assert losses.L1(C, norm).item() == pytest.approx(float(literal))


def test_l2_expresses_each_image_by_the_others() -> None:
    C, Z = points(N, N), points(N, P, seed=1)
    literal = 0.0
    for i in range(N):
        expressed = sum(C[i, j] * Z[j] for j in range(N))
        literal += float(((Z[i] - expressed) ** 2).sum())
    assert losses.L2(Z, C @ Z).item() == pytest.approx(literal / 2)


def test_l3_weighs_each_coefficient_by_the_distance_of_its_segments(Q: Tensor) -> None:
    C = points(N, N)
    literal = sum(abs(C[i, j]) * ((Q[i] - Q[j]) ** 2).sum() / 2 for i in range(N) for j in range(N))
    assert losses.L3(C, Q).item() == pytest.approx(float(literal))


def test_l3_is_the_spectral_cost_of_the_affinity(Q: Tensor) -> None:
    """Eq. 4 and 5: 1/2 sum a_ij ||q_i - q_j||^2 for A = (|C| + |C^T|) / 2."""
    C = points(N, N)
    A = (C.abs() + C.abs().T) / 2
    literal = sum(
        A[i, j] * ((Q[i] - Q[j]) ** 2).sum() / 2 for i, j in itertools.product(range(N), repeat=2)
    )
    assert losses.L3(C, Q).item() == pytest.approx(float(literal))


@pytest.mark.parametrize("tau", [0.0, 0.3, 1.0])
def test_l4_as_printed(Q: Tensor, tau: float) -> None:
    Y = points(N, K)
    total = 0.0
    for j in range(N):
        soft = torch.exp(Y[j]) / torch.exp(Y[j]).sum()
        members = [i for i in range(N) if LABELS[i] == LABELS[j]]
        mu = sum(Y[i] for i in members) / len(members)
        total += math.log(1 + math.exp(-float(soft @ Q[j]))) + tau * float(((Y[j] - mu) ** 2).sum())
    assert losses.L4(Y, Q, tau, "printed").item() == pytest.approx(total / N)


def test_l4_with_cross_entropy(Q: Tensor) -> None:
    Y = points(N, K)
    literal = -sum(torch.log(torch.softmax(Y[j], dim=0) @ Q[j]) for j in range(N)) / N
    assert losses.L4(Y, Q, 0.0, "cross_entropy").item() == pytest.approx(float(literal))


def test_printed_form_stays_between_its_bounds(Q: Tensor) -> None:
    for scale in (0.01, 1.0, 1000.0):
        value = losses.L4(scale * Q, Q, 0.0, "printed").item()
        assert math.log(1 + math.exp(-1)) - 1e-12 <= value <= math.log(2)


@pytest.mark.parametrize(
    ("cost", "shape"),
    [
        (lambda X: losses.L0(X, points(N, 1, 3, 3, seed=1)), (N, 1, 3, 3)),
        (lambda X: losses.L0(points(N, 1, 3, 3, seed=1), X), (N, 1, 3, 3)),
        (lambda C: losses.L1(C, "l1"), (N, N)),
        (lambda C: losses.L1(C, "l2"), (N, N)),
        (lambda Z: losses.L2(Z, points(N, N, seed=1) @ Z), (N, P)),
        (lambda C: losses.L2(points(N, P, seed=1), C @ points(N, P, seed=1)), (N, N)),
        (lambda C: losses.L3(C, torch.eye(K, dtype=torch.float64)[LABELS]), (N, N)),
        (lambda Y: losses.L4(Y, torch.eye(K, dtype=torch.float64)[LABELS], 0, "printed"), (N, K)),
        (
            lambda Y: losses.L4(Y, torch.eye(K, dtype=torch.float64)[LABELS], 0, "cross_entropy"),
            (N, K),
        ),
    ],
)
def test_gradients_agree_with_finite_differences(
    cost: Callable[[Tensor], Tensor], shape: tuple[int, ...]
) -> None:
    assert torch.autograd.gradcheck(cost, points(*shape).requires_grad_())


def test_centre_loss_pulls_towards_fixed_centres(Q: Tensor) -> None:
    """The centres are constants: the gradient is 2 (y_j - mu) / N."""
    Y = points(N, K).requires_grad_()
    losses.centre_loss(Y, Q).backward()
    mu = torch.stack(
        [Y.detach()[[i for i in range(N) if LABELS[i] == c]].mean(0) for c in range(K)]
    )
    assert torch.allclose(Y.grad, 2 * (Y.detach() - mu[LABELS]) / N)
