"""Adam (Kingma and Ba, ICLR 2015) with one fused kernel for all parameters of a group.

The kernel is torch's. Its class ``torch.optim.Adam``, which computes the same, loads torch's
compiler once it is made: 1.7 s of every job.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.adam import adam

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Group(NamedTuple):
    """Parameters that share a learning rate."""

    parameters: Sequence[Tensor]
    rate: float


class Adam:
    """``state`` has step count and both moments of every parameter that was stepped."""

    def __init__(self, *groups: tuple[Iterable[Tensor], float]) -> None:
        self.groups = [Group([*parameters], rate) for parameters, rate in groups]
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    @property
    def parameters(self) -> list[Tensor]:
        return [parameter for group in self.groups for parameter in group.parameters]

    @torch.no_grad()
    def step(self) -> None:
        """One step against the gradients; parameters without one stay."""
        for parameters, rate in self.groups:
            moved = [p for p in parameters if p.grad is not None]
            states = [self._state(p) for p in moved]
            adam(
                moved,
                [p.grad for p in moved if p.grad is not None],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                fused=True,
                amsgrad=False,
                beta1=BETA1,
                beta2=BETA2,
                lr=rate,
                weight_decay=0.0,
                eps=EPSILON,
                maximize=False,
            )

    def _state(self, parameter: Tensor) -> dict[str, Tensor]:
        if parameter not in self.state:
            self.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        return self.state[parameter]
