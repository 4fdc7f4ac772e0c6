"""A worker's figures for Prometheus: waits, phases, epochs, endings, memory."""

import time
from collections.abc import Callable
from pathlib import Path

from opentelemetry import trace
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)

from jobs.records import Claim
from jobs.settings import Settings
from jobs.states import Phase
from worker.exchange import Report, Spent

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody asks for

SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 43_200)
LOST = ("lease-lost", "trainer-crashed")
"""Problems of attempts that are lost."""


class Figures:
    """Of all attempts of one worker."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.waits = Histogram(
            "s2convscn_queue_wait_seconds",
            "From the last time that a job was queued to the worker that took it.",
            buckets=SECONDS,
            registry=registry,
        )
        self.phases = Histogram(
            "s2convscn_phase_seconds",
            "How long a phase of an attempt took.",
            ("method", "phase"),
            buckets=SECONDS,
            registry=registry,
        )
        self.epochs = Counter(
            "s2convscn_epochs", "Epochs trained.", ("method", "phase"), registry=registry
        )
        self.attempts = Counter(
            "s2convscn_attempts",
            "Attempts that ended, and with what problem.",
            ("method", "ending", "problem"),
            registry=registry,
        )
        self.memory = Gauge(
            "s2convscn_trainer_resident_bytes", "Memory of the trainer.", registry=registry
        )
        self.device_memory = Gauge(
            "s2convscn_trainer_device_bytes",
            "Most memory that the trainer had on its GPU so far.",
            registry=registry,
        )
        ProcessCollector(registry=registry)

    def claimed(self, claim: Claim) -> "Course":
        """What follows an attempt from its claim on."""
        self.waits.observe(max(time.time() - claim.queued_at, 0))
        method = str(claim.job.method["method"])
        for problem in LOST:  # told before there are any: a series that begins has not increased
            self.attempts.labels(method, "lost", problem)
        return Course(self, method)

    def serve(self, settings: Settings) -> Callable[[], None]:
        """Show them over HTTP, if the settings say where. Returns what ends that.

        Raises:
            OSError: if the port cannot be had.
        """
        if settings.metrics_port is None:
            return lambda: None
        server, thread = start_http_server(
            settings.metrics_port, settings.metrics_host, self.registry
        )

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return stop


class Course:
    """One attempt as its trainer's reports show it."""

    def __init__(self, figures: Figures, method: str) -> None:
        self.figures, self.method = figures, method
        self.spent: dict[Phase, Spent] = {}

    def heard(self, report: Report, pid: int | None) -> None:
        """Of a report of the trainer with this process id."""
        for phase, spent in report.spent.items():
            before = self.spent[phase].epochs if phase in self.spent else 0
            if spent.epochs:
                self.figures.epochs.labels(self.method, phase).inc(spent.epochs - before)
        self.spent = report.spent
        self.figures.memory.set(resident_bytes(pid) if pid else 0)
        self.figures.device_memory.set(report.device_bytes or 0)

    def ended(self, how: str, problem: str = "") -> None:
        """The attempt is over: succeeded, failed, cancelled, released, lost."""
        for phase, spent in self.spent.items():
            self.figures.phases.labels(self.method, phase).observe(spent.seconds)
        self.figures.attempts.labels(self.method, how, problem).inc()
        trace.get_current_span().set_attribute("s2convscn.ending", how)
        self.figures.memory.set(0)
        self.figures.device_memory.set(0)


def resident_bytes(pid: int) -> int:
    """A process's resident memory; 0 where the system does not tell, or once it has ended."""
    try:
        lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    found = [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")]
    return found[0] * 1024 if found else 0
