"""The gradient that is taken in pieces beside autograd's of the whole weighted sum."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models import losses, network, objective
from models.hyperparameters import Layer
from models.methods.s2convscn import S2ConvSCN
from models.network import Network
from models.objective import Objective

N, CLUSTERS = 41, 4
WEIGHTS = {"gamma1": 0.3, "gamma2": 0.7, "gamma3": 0.5, "gamma4": 0.9}
Costs = dict[str, Tensor]
Make = Callable[..., Objective]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """An objective in float64 whose pieces are as large as a test says."""

    def made(chunk: int = 16, rows: int = 12, **settings: object) -> Objective:
        monkeypatch.setattr(network, "CHUNK", chunk)
        monkeypatch.setattr(objective, "ROWS", rows)
        chosen = S2ConvSCN.model_validate(
            WEIGHTS | {"encoder": (Layer(3, 6), Layer(2, 10)), "cost_scale": "sum"} | settings
        )
        torch.manual_seed(0)
        C = torch.randn(N, N) * 0.05
        net = Network((1, 9, 7), chosen.encoder or (), C, CLUSTERS, zero_diagonal=True).double()
        return Objective(chosen, net, torch.rand(N, 1, 9, 7, dtype=torch.float64))

    return made


def pseudo_labels() -> Tensor:
    return F.one_hot(torch.arange(N) % CLUSTERS, CLUSTERS).double()


def literal_costs(found: Objective, Q: Tensor | None) -> Costs:
    """Eq. 7's costs on the whole data set at once."""
    settings, net, X = found.settings, found.network, found.X
    relative = settings.cost_scale == "relative"
    Z = net.encoder(X)
    lengths = Z.norm(dim=1, keepdim=True) if relative else 1
    Z = Z / lengths
    CZ = net.C @ Z
    L0 = losses.L0(X, net.decoder(CZ * lengths))
    costs = {
        "L0": L0 * N / X.square().sum() if relative else L0,
        "L1": losses.L1(net.C, settings.norm),
        "L2": losses.L2(Z, CZ),
    }
    if Q is not None:
        net.head.adjust(Z)
        L4 = losses.L4(net.head(Z), Q, settings.tau, settings.head_loss)
        costs |= {"L3": losses.L3(net.C, Q), "L4": L4 * N if relative else L4}
    return costs


def gradients(net: Network) -> dict[str, Tensor | None]:
    return {name: p.grad for name, p in net.named_parameters()}


def assert_exact(made: Objective, Q: Tensor | None) -> None:
    """Costs and gradients are autograd's, to rounding."""
    costs, found = made.differentiate(Q), gradients(made.network)
    made.network.zero_grad()
    expected = literal_costs(made, Q)
    torch.stack([made.gamma[name] * cost for name, cost in expected.items()]).sum().backward()
    for name, cost in expected.items():
        torch.testing.assert_close(costs[name], cost.detach(), rtol=1e-12, atol=0)
    for name, gradient in gradients(made.network).items():
        assert (gradient is None) == (found[name] is None), name
        torch.testing.assert_close(found[name], gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("scale", ["sum", "relative"])
def test_costs_and_gradients_are_autograds(
    make: Make, scale: str, norm: str, labelled: bool
) -> None:
    assert_exact(make(cost_scale=scale, norm=norm), pseudo_labels() if labelled else None)


@pytest.mark.parametrize("head_loss", ["printed", "cross_entropy"])
def test_both_forms_of_the_heads_loss(make: Make, head_loss: str) -> None:
    assert_exact(make(head_loss=head_loss, tau=0.4), pseudo_labels())


@pytest.mark.parametrize(("chunk", "rows"), [(1, 1), (7, 10), (N - 1, N), (N, N - 1), (100, 100)])
@pytest.mark.parametrize("scale", ["sum", "relative"])
def test_the_size_of_the_pieces_changes_nothing(
    make: Make, scale: str, chunk: int, rows: int
) -> None:
    assert_exact(make(chunk, rows, cost_scale=scale), pseudo_labels())


@pytest.mark.parametrize("gamma", ["gamma0", "gamma1", "gamma2", "gamma3"])
@pytest.mark.parametrize("scale", ["sum", "relative"])
def test_a_cost_without_weight_is_shown_and_not_followed(
    make: Make, scale: str, gamma: str
) -> None:
    made = make(cost_scale=scale, **{gamma: 0.0})
    Q = pseudo_labels()
    name = f"L{gamma[-1]}"
    costs, expected = made.differentiate(Q), literal_costs(made, Q)
    torch.testing.assert_close(costs[name], expected[name].detach())
    weighted = [made.gamma[name] * cost for name, cost in expected.items() if made.gamma[name]]
    wanted = torch.autograd.grad(torch.stack(weighted).sum(), made.network.C)[0]
    torch.testing.assert_close(made.network.C.grad, wanted, rtol=1e-10, atol=1e-12)


def test_a_head_without_weight_is_left_alone(make: Make) -> None:
    made = make(gamma4=0.0)
    assert "L4" not in made.differentiate(pseudo_labels())
    assert all(p.grad is None for p in made.network.head.parameters())


def test_the_l1_norm_of_c_is_shown_whatever_the_norm(make: Make) -> None:
    made = make(norm="l2")
    mass = made.differentiate(None)["C_l1"]
    torch.testing.assert_close(mass, made.network.C.detach().abs().sum())


def test_gradients_do_not_add_up_over_epochs(make: Make) -> None:
    made = make()
    made.differentiate(pseudo_labels())
    once = {name: g.clone() for name, g in gradients(made.network).items() if g is not None}
    made.differentiate(pseudo_labels())
    for name, gradient in once.items():
        torch.testing.assert_close(gradients(made.network)[name], gradient, rtol=0, atol=0)
