"""What a CUDA device computes beside what the CPU computes; skipped where there is none."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch.nn import functional as F

from models.affinity import affinity
from models.autoencoder import Minibatch
from models.base import FloatArray, IntArray, Shape, State, Stopped
from models.catalogue import METHODS, parse
from models.hyperparameters import Layer, PostProcessing
from models.methods.s2convscn import S2ConvSCN
from models.network import Decoder, Encoder, Network
from models.objective import Objective
from models.products import precision
from models.spectral import embed, spectral_clustering
from models.thrift import thrift
from models.training import Training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
Subspaces = tuple[FloatArray, IntArray]
WEIGHTS = {"gamma1": 0.3, "gamma2": 0.7, "gamma3": 0.5, "gamma4": 0.9}
ERRORS = {"highest": 1e-4, "medium": 5e-2, "bf16": 2e-1}
"""Of gradients, relative to their length: of fp32, of TF32 and of bf16 factors."""


def step(device: str, dtype: torch.dtype, cost_scale: str) -> dict[str, torch.Tensor]:
    """Every gradient and cost of an epoch of the same small network, on the CPU in the end."""
    chosen = S2ConvSCN.model_validate(
        WEIGHTS | {"encoder": (Layer(3, 12), Layer(3, 24)), "cost_scale": cost_scale}
    )
    torch.manual_seed(0)
    n, clusters = 301, 4
    C, X = torch.randn(n, n) * 0.05, torch.rand(n, 1, 25, 23)
    net = Network((1, 25, 23), chosen.encoder or (), C, clusters, zero_diagonal=True)
    net, X = net.to(device, dtype), X.to(device, dtype)
    Q = F.one_hot(torch.arange(n, device=device) % clusters, clusters).to(dtype)
    costs = Objective(chosen, net, X).differentiate(Q)
    grads = {name: p.grad for name, p in net.named_parameters() if p.grad is not None}
    return {name: value.detach().cpu().double() for name, value in (costs | grads).items()}


@pytest.mark.parametrize("cost_scale", ["sum", "relative"])
@pytest.mark.parametrize("name", ERRORS)
def test_a_training_step_is_that_of_the_cpu_in_float64(name: Any, cost_scale: str) -> None:
    expected = step("cpu", torch.float64, cost_scale)
    with precision(name):
        found = step("cuda", torch.float32, cost_scale)
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert (found[key] - value).norm() <= ERRORS[name] * value.norm(), key


@pytest.mark.parametrize("kind", ["plain", "processed"])
def test_affinity_and_embedding_are_those_of_the_cpu(kind: Any) -> None:
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(6), 100)
    C = (owner[:, None] == owner) * rng.uniform(0.5, 1, (600, 600)) + rng.normal(
        size=(600, 600)
    ) / 9
    C = C.astype(np.float32)
    chosen = PostProcessing(dimension=4, power=4, spectrum="positive", neighbours=6)
    here = affinity(C, 6, kind, chosen)
    there = affinity(torch.from_numpy(C).cuda(), 6, kind, chosen)
    assert isinstance(there, torch.Tensor)
    assert there.is_cuda
    assert np.allclose(here, there.cpu().numpy(), atol=2e-3)
    assert np.allclose(embed(here, 6)[0], embed(there, 6)[0], atol=1e-3)
    a, b = (spectral_clustering(A, 6, 0) for A in (here, there))
    assert adjusted_rand_score(a.labels, b.labels) == 1
    assert a.components == b.components


@pytest.mark.parametrize("equal", [0.0, 1.0])
def test_equal_coefficients_are_decomposed(equal: float) -> None:
    C = torch.full((300, 300), equal, device="cuda")
    A = affinity(C, 3, "processed", PostProcessing())
    assert isinstance(A, torch.Tensor)
    assert torch.isfinite(A).all()
    spectral_clustering(A, 3, 0)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_finds_what_it_finds_on_the_cpu(
    name: str, subspaces: Subspaces, recorder: Any
) -> None:
    images, truth = subspaces
    few = {"pretrain_max_steps": 200} if "pretrain_max_steps" in METHODS[name].model_fields else {}
    found = parse({"method": name} | few).fit(images, 3, recorder(device="cuda"))
    assert adjusted_rand_score(truth, found.labels) == 1
    for A in (found.affinity, found.plain_affinity, found.coefficients, found.embedding):
        assert A is None or isinstance(A, np.ndarray)


@pytest.mark.parametrize("first", ["cuda", "cpu"])
def test_a_run_goes_on_where_it_stopped_on_any_device(
    first: str, subspaces: Subspaces, recorder: Any
) -> None:
    method = parse({"method": "s2convscn", "pretrain_max_steps": 200, "epochs": 8})
    stopped = recorder(device=first, stop_at=("training", 5))
    with pytest.raises(Stopped):
        method.fit(subspaces[0], 3, stopped)
    assert isinstance(stopped.state, State)
    found = method.fit(subspaces[0], 3, recorder(device="cuda", state=stopped.state))
    assert adjusted_rand_score(subspaces[1], found.labels) == 1


@pytest.mark.parametrize("name", ERRORS)
def test_a_recorded_step_is_the_step(name: Any, subspaces: Subspaces, recorder: Any) -> None:
    """With the labels and the C of the moment, not those of the recording."""
    method = parse({"method": "s2convscn", "precision": name, "view": "plain"})
    images, labels = subspaces
    settings = method.resolve(Shape(*images.shape), 3)
    assert isinstance(settings, S2ConvSCN)
    training = Training(settings, images, 3, recorder(device="cuda"))
    for shift in range(3):
        training.labels = None if shift == 2 else (labels + shift) % 3
        with torch.no_grad():
            training.network.C.add_(torch.randn_like(training.network.C), alpha=1e-2)
        costs = {name: float(cost) for name, cost in training.differentiate().items()}
        found = gradients(training.network)
        with precision(name):
            expected = training.objective.differentiate(training.one_hot())
        assert costs == pytest.approx({name: float(cost) for name, cost in expected.items()})
        for key, gradient in gradients(training.network).items():
            assert torch.allclose(found[key], gradient, rtol=1e-3, atol=1e-6), key


def gradients(network: Network) -> dict[str, torch.Tensor]:
    return {k: p.grad.clone() for k, p in network.named_parameters() if p.grad is not None}


def test_with_thrift_a_fit_takes_less_memory_and_finds_the_same(recorder: Any) -> None:
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(4), 500)
    bases = rng.random((4, 3, 64 * 64))
    X = np.einsum("nd,ndp->np", rng.random((2000, 3)), bases[owner]) / 3
    images = X.reshape(2000, 1, 64, 64).astype(np.float32)
    method = parse({"method": "s2convscn", "pretrain_max_steps": 50, "epochs": 10})
    peaks, labels = [], []
    for asked in (False, True):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        with thrift(asked):
            labels.append(method.fit(images, 4, recorder(device="cuda")).labels)
        peaks.append(torch.cuda.max_memory_reserved())
    assert peaks[1] < 0.6 * peaks[0]
    assert adjusted_rand_score(*labels) == 1


def test_a_recorded_minibatch_is_the_minibatch() -> None:
    torch.manual_seed(0)
    encoder = Encoder((1, 17, 14), [Layer(3, 8), Layer(3, 16)])
    decoder = Decoder(encoder)
    encoder.cuda(), decoder.cuda()
    found = Minibatch(encoder, decoder, torch.rand(100, 1, 17, 14, device="cuda"))
    for size in (64, 36, 64):
        index = torch.randperm(100, device="cuda")[:size]
        loss = float(found.differentiate(index))
        recorded = [p.grad.clone() for p in found.parameters]
        assert loss == pytest.approx(float(found.on(found.X[index])), rel=1e-5)
        for gradient, parameter in zip(recorded, found.parameters, strict=True):
            assert torch.allclose(gradient, parameter.grad, rtol=1e-3, atol=1e-5)
