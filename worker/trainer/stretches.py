"""What a trainer does, as spans: one for each stretch of a phase."""

import time

from opentelemetry.trace import INVALID_SPAN, Span

from jobs.states import Phase
from jobs.tracing import tracer


class Stretches:
    """Spans below the current one; the last ends when they are closed.

    A step is told when it is done.
    """

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._span: Span = INVALID_SPAN
        self._last = time.time_ns()

    def done(self, phase: Phase, step: int) -> None:
        """A step of a phase, which took all the time since the last one."""
        if phase is not self._phase:
            self._span.end(self._last)
            self._phase = phase
            self._span = tracer.start_span(phase, start_time=self._last)
        self._span.set_attribute("s2convscn.steps", step)
        self._last = time.time_ns()

    def close(self) -> None:
        self._span.end()
