"""Spans of API, queue, worker and trainer, sent to an OpenTelemetry collector if one is set.

A job's row keeps the context of the request that submitted it: a message may be lost, or wake a
worker that takes another job (decision 22).
"""

import logging
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Literal

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Attributes = dict[str, str | int | float | bool]

TRACEPARENT = "traceparent"
PATH = "/v1/traces"
EXPORT_SECONDS, DELAY_MS = 2.0, 1000
"""How long one export may take, and how long a span waits for others to go with."""
QUIET_SECONDS = 60.0
JOB = "s2convscn.job.id"

tracer = trace.get_tracer("s2convscn", version("s2convscn"))
_w3c = TraceContextTextMapPropagator()


def configure(
    endpoint: str | None, process: Literal["api", "worker", "trainer"]
) -> Callable[[], None]:
    """Send this process's spans to a collector from now on; without one nothing is loaded.

    Returns what sends those that are left, to be called at the end.
    """
    if endpoint is None:
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    named = {"service.name": f"s2convscn-{process}", "service.version": version("s2convscn")}
    logging.getLogger(OTLPSpanExporter.__module__).addFilter(Seldom())
    exporter = OTLPSpanExporter(endpoint.rstrip("/") + PATH, timeout=EXPORT_SECONDS)
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=DELAY_MS))
    trace.set_tracer_provider(provider)
    return provider.shutdown


class Seldom(logging.Filter):
    """Lets one line through in so many seconds: a collector that is away is no news each time."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, _record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + QUIET_SECONDS
        return True


def current() -> str | None:
    """The span under way as W3C's ``traceparent``, None where nothing is traced."""
    return header().get(TRACEPARENT)


def header() -> dict[str, str]:
    """The same as what a request takes along; nothing where nothing is traced."""
    found: dict[str, str] = {}
    _w3c.inject(found)
    return found


def below(parent: str | None) -> Context:
    """Where the spans of this ``traceparent`` go; without one a new trace begins."""
    return _w3c.extract({} if parent is None else {TRACEPARENT: parent}, Context())


def waited(name: str, context: Context, since: float, attributes: Attributes) -> None:
    """A span of what was waited for, from ``since`` (seconds since 1970) until now."""
    now = time.time_ns()
    began = min(int(since * 1e9), now)
    tracer.start_span(name, context, attributes=attributes, start_time=began).end(now)


def failed(problem: str, detail: str) -> None:
    """Note on the span under way what went wrong; ``problem`` is the slug of an error."""
    under_way = trace.get_current_span()
    under_way.set_attribute("error.type", problem)
    under_way.set_status(Status(StatusCode.ERROR, detail))
