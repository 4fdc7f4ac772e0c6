"""Which fault comes when: a pure function of the seed."""

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import NamedTuple

AT_ONCE = 0.3
"""Share of faults that do not wait until the service is well again."""


class Strike(NamedTuple):
    """``seed`` is of the fault's own choices; ``wait``: until the service is well again."""

    fault: str
    seed: int
    wait: bool


def plan(seed: int, number: int, names: Sequence[str]) -> list[Strike]:
    """Each name about equally often, in an order without pattern."""
    return list(islice(_strikes(generator(seed), names), number))


def generator(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - it shall be foreseeable


def _strikes(rng: Random, names: Sequence[str]) -> Iterator[Strike]:
    while True:
        for name in rng.sample(names, len(names)):
            yield Strike(name, rng.getrandbits(32), rng.random() >= AT_ONCE)
