"""The harness's own ``Run``: it remembers everything, and goes on where a killed one stopped."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks import states
from models.base import IntArray, State

SAVE_SECONDS = 60.0
SAVE_SHARE = 0.05
"""Writing states takes no more than this share of the time."""
ARRAY = "state/"
LABELS = "partitions"

Row = dict[str, Any]
Show = Callable[[str, int, int, dict[str, float]], None]


class Partition(NamedTuple):
    phase: str
    step: int
    labels: IntArray


def silent(_phase: str, _step: int, _total: int, _values: dict[str, float]) -> None:
    """Show nothing."""


class Journal:
    """A run's seed and device, all that it reported, and its last state on disk."""

    def __init__(
        self,
        seed: int,
        file: Path,
        *,
        device: str = "cpu",
        start: State | None = None,
        show: Show = silent,
        save_seconds: float = SAVE_SECONDS,
    ) -> None:
        """Take up ``file`` if a run left it; otherwise begin at ``start``, or at nothing."""
        self.seed, self.device = seed, device
        self.file, self.start, self.show, self.save_seconds = file, start, show, save_seconds
        self.rows: list[Row] = []
        self.partitions: list[Partition] = []
        self.since = self.saved = perf_counter()

    def report(
        self,
        phase: str,
        step: int,
        total: int,
        *,
        save: Callable[[], State] | None = None,
        labels: IntArray | None = None,
        **values: float,
    ) -> None:
        if not values:  # no epoch; its seconds count as the next one's
            self.show(phase, step, total, values)
            return
        seconds = perf_counter() - self.since
        self.rows.append({"phase": phase, "step": step, "seconds": seconds, **values})
        if labels is not None:
            self.partitions.append(Partition(phase, step, labels.copy()))
        self.show(phase, step, total, values)
        if save is not None and perf_counter() - self.saved >= self.save_seconds:
            self._save(save())
        self.since = perf_counter()

    def resume(self) -> State | None:
        packed = states.read(self.file)
        if packed is None:
            return self.start
        arrays, meta = packed.arrays, packed.meta
        self.rows = meta["rows"]
        self.partitions = [
            Partition(phase, step, labels)
            for (phase, step), labels in zip(meta[LABELS], arrays[LABELS], strict=True)
        ]
        inner = {k.removeprefix(ARRAY): v for k, v in arrays.items() if k.startswith(ARRAY)}
        return State(inner, meta["state"])

    def part(self, number: int, of: int) -> None:
        """Fits of a selection follow each other in one journal."""

    def finish(self) -> float:
        """Forget the state on disk. Returns the seconds since the last report."""
        self.file.unlink(missing_ok=True)
        return perf_counter() - self.since

    def seconds(self, phase: str | None = None) -> float:
        """Spent in a phase, or in all, by all attempts."""
        rows = self.rows if phase is None else [row for row in self.rows if row["phase"] == phase]
        return float(sum(row["seconds"] for row in rows))

    def _save(self, state: State) -> None:
        began = perf_counter()
        arrays: dict[str, Any] = {ARRAY + name: value for name, value in state.arrays.items()}
        arrays[LABELS] = np.array([p.labels for p in self.partitions], dtype=np.int64)
        places = [(p.phase, p.step) for p in self.partitions]
        meta = {"state": state.meta, "rows": self.rows, LABELS: places}
        states.write(self.file, State(arrays, meta))
        self.saved = perf_counter()
        self.save_seconds = max(self.save_seconds, (self.saved - began) / SAVE_SHARE)
