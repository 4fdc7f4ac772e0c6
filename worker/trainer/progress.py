"""How far a job is as one fraction, and when it should be done."""

import time
from collections.abc import Callable
from math import isfinite

from jobs.records import Progress
from jobs.states import Phase

SHARES: dict[Phase, tuple[float, float]] = {
    Phase.LOADING: (0.0, 0.02),
    Phase.COUNTING: (0.02, 0.05),
    Phase.PREPARING: (0.02, 0.05),
    Phase.PRETRAINING: (0.05, 0.30),
    Phase.INITIALISING: (0.30, 0.33),
    Phase.SELF_EXPRESSION: (0.33, 0.45),
    Phase.TRAINING: (0.45, 0.95),
    Phase.PREDICTING: (0.05, 0.95),
    Phase.SOLVING: (0.30, 0.85),
    Phase.CLUSTERING: (0.85, 0.95),
    Phase.ASSIGNING: (0.95, 0.96),
    Phase.SCORING: (0.96, 0.97),
    Phase.PUBLISHING: (0.97, 1.0),
}
"""The part of 0..1 that each phase covers; a phase that a method lacks is jumped over."""


FITTING = frozenset(SHARES) - {
    Phase.LOADING,
    Phase.COUNTING,
    Phase.ASSIGNING,
    Phase.SCORING,
    Phase.PUBLISHING,
}
CHOOSING = frozenset({Phase.LOADING, Phase.COUNTING, Phase.PREPARING, Phase.INITIALISING})
"""Phases whose time has nothing to do with that of training."""
EPOCHS = frozenset({Phase.PRETRAINING, Phase.SELF_EXPRESSION, Phase.TRAINING})
"""Phases whose steps are epochs."""


class Tracker:
    """Turns steps of phases into a fraction that never decreases and an estimate of the end.

    The estimate: the current phase goes on at the speed measured in it, and what comes after costs
    as much time per share as the current phase does. ``CHOOSING`` tells nothing of what is next.
    """

    def __init__(
        self,
        fraction: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """``wall_clock``, which may be set while a step is made, is for the estimate alone."""
        self.clock, self.wall_clock = clock, wall_clock
        self.fraction = fraction
        self.phase: Phase | None = None
        self.part, self.parts = 0, 1
        self.longest_step = 0.0
        self._last = clock()
        self._phase_began = (self._last, 0)

    def step(self, phase: Phase, step: int, total: int, losses: dict[str, float]) -> Progress:
        """Step ``step`` of ``total`` of ``phase`` is done."""
        now = self.clock()
        if phase is not self.phase:
            self.phase = phase
            self._phase_began = (self._last, step - 1)
        self.longest_step = max(self.longest_step, now - self._last)
        self._last = now
        begin, end = self._share(phase)
        here = begin + (end - begin) * min(step / total, 1.0)
        self.fraction = max(self.fraction, here)
        return Progress(
            phase=phase,
            fraction=self.fraction,
            epoch=step if phase in EPOCHS else None,
            epochs=total if phase in EPOCHS else None,
            losses={name: value for name, value in losses.items() if isfinite(value)},
            finish_at=None if phase in CHOOSING else self._finish_at(now, step, total),
        )

    @property
    def place(self) -> dict[str, int]:
        """The member that is fitted, from 0; nothing if there is one."""
        return {"member": self.part} if self.parts > 1 else {}

    def _share(self, phase: Phase) -> tuple[float, float]:
        """The parts of a fit share what one fit would have."""
        begin, end = SHARES[phase]
        if phase not in FITTING:
            return begin, end
        first, last = SHARES[Phase.PREPARING][0], SHARES[Phase.TRAINING][1]
        before = first + (last - first) * self.part / self.parts
        return before + (begin - first) / self.parts, before + (end - first) / self.parts

    def _finish_at(self, now: float, step: int, total: int) -> float:
        return self.wall_clock() + self._remaining(now, step, total)

    def _remaining(self, now: float, step: int, total: int) -> float:
        began, first = self._phase_began
        per_step = (now - began) / max(step - first, 1)
        begin, end = self._share(self.phase or Phase.LOADING)
        per_share = per_step * total / (end - begin)
        return per_step * max(total - step, 0) + per_share * (1.0 - end)
