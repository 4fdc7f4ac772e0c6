import subprocess
import sys

import torch
from torch import nn

from models.adam import Adam


def test_it_moves_as_torchs_own_does() -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    optimisers = (
        Adam((ours[0].parameters(), 1e-2), (ours[1].parameters(), 1e-1)),
        torch.optim.Adam(
            [
                {"params": [*theirs[0].parameters()]},
                {"params": [*theirs[1].parameters()], "lr": 1e-1},
            ],
            lr=1e-2,
            fused=True,
        ),
    )
    for _ in range(20):
        X = torch.rand(2, 3, 9, 9)
        for network, optimiser in zip((ours, theirs), optimisers, strict=True):
            network.zero_grad()
            network(X).square().sum().backward()
            optimiser.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
        for name in ("step", "exp_avg", "exp_avg_sq"):
            assert torch.equal(optimisers[0].state[a][name], optimisers[1].state[b][name])


def test_a_parameter_without_gradient_stays() -> None:
    still, moved = (torch.ones(2, requires_grad=True) for _ in range(2))
    moved.grad = torch.ones(2)
    optimiser = Adam(([still, moved], 0.5))
    optimiser.step()
    assert torch.equal(still, torch.ones(2))
    assert (moved < 1).all()
    assert set(optimiser.state) == {moved}


def test_training_does_not_load_the_compiler() -> None:
    code = (
        "import sys, torch; from models.adam import Adam; w = torch.ones(2, requires_grad=True); "
        "w.grad = torch.ones(2); Adam(([w], 0.1)).step(); print('torch._dynamo' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
