"""Jobs of several fits: what one fit sees of the run that surrounds all of them."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from models.base import IntArray, Run, State

LARGEST_SEED = 2**32 - 1
INNER = "member."


class PartedRun(Run, Protocol):
    """A run that is told where one fit ends and the next begins."""

    def part(self, number: int, of: int) -> None:
        """What follows is fit ``number``, from 0, of ``of`` that are alike."""


def shifted(seed: int, offset: int) -> int:
    """A seed further on, from the largest to 0."""
    return (seed + offset) % (LARGEST_SEED + 1)


class Part:
    """A run inside a run: implements ``models.base.Run``."""

    def __init__(
        self, outer: Run, offset: int, state: State | None, wrap: Callable[[State], State]
    ) -> None:
        """``offset`` is added to the seed; ``wrap`` makes the outer run's state of this one's."""
        self.outer, self.state, self.wrap = outer, state, wrap
        self.device, self.seed = outer.device, shifted(outer.seed, offset)

    def report(
        self,
        phase: str,
        step: int,
        total: int,
        *,
        save: Callable[[], State] | None = None,
        labels: IntArray | None = None,
        **values: Any,
    ) -> None:
        outer = save and (lambda: self.wrap(save()))
        self.outer.report(phase, step, total, save=outer, labels=labels, **values)

    def resume(self) -> State | None:
        return self.state


def packed(arrays: Mapping[str, NDArray[Any]], prefix: str = INNER) -> dict[str, NDArray[Any]]:
    """Arrays under names that do not meet the outer state's."""
    return {prefix + name: array for name, array in arrays.items()}


def unpacked(arrays: Mapping[str, NDArray[Any]], prefix: str = INNER) -> dict[str, NDArray[Any]]:
    """What ``packed`` was given."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
