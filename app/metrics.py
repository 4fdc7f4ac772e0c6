"""Figures for Prometheus: requests as they come, jobs and workers as the database has them."""

import time
from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.streams import Streams
from jobs.errors import JobFailed
from jobs.settings import Settings
from jobs.states import Status
from jobs.store import Store
from jobs.store.tallies import Tallies
from models.catalogue import METHODS

SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
NOWHERE, FILES = "none", "/page"
UNHEARD_OF = {
    (method, str(Status.FAILED), problem): 0
    for method in METHODS
    for problem in (JobFailed.slug(), *(kind.slug() for kind in JobFailed.__subclasses__()))
}
"""Failures are told before there are any: a series that begins at twelve has not increased."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody asks for


class Metrics:
    """What one process of the API has counted, and what it looks up when it is asked."""

    def __init__(self, settings: Settings, store: Store, streams: Streams) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "s2convscn_http_request_seconds",
            "From a request to the beginning of its answer.",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(Stock(settings, store, streams))

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self.registry)


class Stock(Collector):
    """Gauges and counters that are looked up at each scrape."""

    def __init__(self, settings: Settings, store: Store, streams: Streams) -> None:
        self.settings, self.store, self.streams = settings, store, streams

    def describe(self) -> Iterator[Metric]:
        """Nothing: to register it shall not ask the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        tallies = self.store.tallies
        states = GaugeMetricFamily("s2convscn_jobs", "Jobs by state.", labels=("status",))
        for status, count in tallies.states().items():
            states.add_metric((status,), count)
        yield states
        yield GaugeMetricFamily(
            "s2convscn_queue_oldest_seconds",
            "Since the oldest queued job was submitted.",
            tallies.longest_wait(),
        )
        ended = CounterMetricFamily(
            "s2convscn_jobs_ended",
            "Jobs that ended, with the kind of problem of those that failed.",
            labels=("method", "status", "problem"),
        )
        for labels, number in (UNHEARD_OF | _counted(tallies)).items():
            ended.add_metric(labels, number)
        yield ended
        workers = GaugeMetricFamily("s2convscn_workers", "Workers alive.", labels=("device",))
        alive = [w.device for w in self.store.workers.alive(self.settings.lease_seconds)]
        for device in sorted(set(alive)):
            workers.add_metric((device,), alive.count(device))
        yield workers
        yield GaugeMetricFamily(
            "s2convscn_streams", "Event streams open in this process.", self.streams.open
        )


def _counted(tallies: Tallies) -> dict[tuple[str, str, str], int]:
    return {ending[:3]: ending.number for ending in tallies.endings()}


class Measured:
    """Times each request up to the beginning of its answer, by the route that it went to."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                labels = scope["method"], route(scope), str(message["status"])
                self.metrics.requests.labels(*labels).observe(time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, timed)


def route(scope: Scope) -> str:
    """The path as the OpenAPI document has it, so that ids make no labels."""
    found = getattr(scope.get("route"), "path", None)
    if isinstance(found, str):
        return found
    return FILES if scope["path"].startswith(FILES) else NOWHERE
