"""Modules and optimisers to named arrays and back, exactly."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.adam import Adam

Arrays = dict[str, NDArray[Any]]


def module_arrays(module: nn.Module, prefix: str = "") -> Arrays:
    """Copies of a module's weights under their names, behind a prefix."""
    return {prefix + name: to_array(value) for name, value in module.state_dict().items()}


@torch.no_grad()
def load_module(module: nn.Module, arrays: Mapping[str, NDArray[Any]], prefix: str = "") -> None:
    """Copy weights back, keeping each tensor's place and memory layout."""
    for name, value in module.state_dict().items():
        value.copy_(torch.from_numpy(arrays[prefix + name]))


def optimiser_arrays(prefix: str, optimiser: Adam) -> Arrays:
    """Step counts and both moments of every parameter that has been stepped."""
    arrays: Arrays = {}
    for i, parameter in enumerate(optimiser.parameters):
        for name, value in optimiser.state.get(parameter, {}).items():
            arrays[f"{prefix}.{i}.{name}"] = to_array(value)
    return arrays


@torch.no_grad()
def load_optimiser(prefix: str, optimiser: Adam, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Put the moments back in their parameters' memory layout."""
    for i, parameter in enumerate(optimiser.parameters):
        if f"{prefix}.{i}.step" in arrays:
            step = torch.from_numpy(arrays[f"{prefix}.{i}.step"].copy())
            optimiser.state[parameter] = {"step": step.to(parameter.device)} | {
                moment: torch.zeros_like(parameter).copy_(
                    torch.from_numpy(arrays[f"{prefix}.{i}.{moment}"])
                )
                for moment in ("exp_avg", "exp_avg_sq")
            }


def to_array(value: Tensor) -> NDArray[Any]:
    return np.array(value.detach().cpu().contiguous().numpy())
