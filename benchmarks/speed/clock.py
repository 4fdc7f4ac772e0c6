"""Seconds of contestants that take turns, so that all of them meet the same machine."""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

LEAST, MOST = 3, 30
"""Turns of each contestant."""


def alternating(
    contestants: Mapping[str, Callable[[], object]], seconds: float
) -> dict[str, float]:
    """Median seconds of each, after one turn that is not counted.

    There are as many turns as fit into ``seconds``, but at least ``LEAST``.
    """
    first = sum(timed(run) for run in contestants.values())
    turns = min(max(round(seconds / max(first, 1e-9)), LEAST), MOST)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(turns):
        for name, run in contestants.items():
            times[name].append(timed(run))
    return {name: median(found) for name, found in times.items()}


def timed(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start
