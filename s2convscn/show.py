"""A job and its scores on the terminal."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from s2convscn.answers import Job

PLAIN_SECONDS = 10.0
"""Between two lines where there is no terminal to draw a bar on."""
COLUMNS = {"accuracy": "ACC", "nmi": "NMI", "ari": "ARI", "error": "error"}


class JobView:
    """Draws a job as it goes: a live bar with losses; plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar = Progress(
            TextColumn("[bold]{task.description:<16}"),
            BarColumn(36, complete_style="cyan", finished_style="green"),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[left]}"),
            console=console,
        )
        self._task = self._bar.add_task("queued", total=1.0, left="")
        self._live = Live(self._bar, console=console, refresh_per_second=8)
        self._said = ("", 0.0)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __call__(self, job: Job) -> None:
        if self.console.is_terminal:
            self._draw(job)
        else:
            self._say(job)

    def _draw(self, job: Job) -> None:
        self._bar.update(
            self._task, description=phase(job), completed=job["progress"], left=time_left(job)
        )
        self._live.update(Group(self._bar, Text("  " + details(job), "dim", no_wrap=True)))

    def _say(self, job: Job) -> None:
        """A line for each new phase, and one every few seconds."""
        now, named = time.monotonic(), phase(job)
        if named != self._said[0] or now - self._said[1] >= PLAIN_SECONDS or job["terminal"]:
            self._said = (named, now)
            words = [f"{named:<16}", f"{job['progress']:4.0%}", details(job), time_left(job)]
            self.console.print("  ".join(word for word in words if word), markup=False)


@contextmanager
def watching() -> Iterator[JobView]:
    """A view of a job on standard error, which leaves standard output to results."""
    with JobView(Console(stderr=True, soft_wrap=True, highlight=False)) as view:
        yield view


def phase(job: Job) -> str:
    running = job["phase"] if job["status"] == "running" else None
    return (running or job["status"]).replace("_", " ")


def details(job: Job) -> str:
    """Epoch and losses; the service's own words while there are none."""
    if job["epoch"] is None or job["terminal"]:
        return job["message"]
    losses = "  ".join(f"{name} {value:.4g}" for name, value in job["losses"].items())
    return f"epoch {job['epoch']} of {job['epochs']}  {losses}"


def time_left(job: Job) -> str:
    if job["terminal"] or not job["estimated_finish"]:
        return ""
    finish = datetime.fromisoformat(job["estimated_finish"])
    seconds = max(0, round((finish - datetime.now(UTC)).total_seconds()))
    return f"about {timedelta(seconds=seconds)} left"


def score_table(rows: Sequence[tuple[str, Mapping[str, float]]]) -> Table:
    """One line per clustering; the best accuracy stands out."""
    table = Table(title="Agreement with the true digits", title_justify="left")
    table.add_column("clustering")
    for title in COLUMNS.values():
        table.add_column(title, justify="right")
    best = max(scores["accuracy"] for _, scores in rows)
    for name, scores in rows:
        figures = (f"{scores[key]:.1%}" for key in COLUMNS)
        table.add_row(name, *figures, style="bold" if scores["accuracy"] == best else "")
    return table
