"""What a person sees of the runs: a live line on a terminal, a line a minute elsewhere."""

from contextlib import AbstractContextManager
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_SECONDS = 60.0
NAMES = {
    "preparing": "view",
    "pretraining": "stage I",
    "initialising": "ridge",
    "self_expression": "self-expression",
    "training": "stage II",
}
SHOWN = ("L0", "loss", "C_Q_share", "changed_labels", "relative_eigengap")


class Display(AbstractContextManager["Display"]):
    """Lines about runs and, while one is under way, its phase, epoch and costs."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[costs]}", style="dim"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task("", total=None, visible=False, costs="")
        self.title, self.phase, self.printed = "", "", perf_counter()

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def begin(self, title: str, number: int, total: int) -> None:
        self.title, self.phase = f"{number} of {total}  {title}", ""

    def step(self, phase: str, step: int, total: int, values: dict[str, float]) -> None:
        """An epoch is done."""
        costs = "  ".join(f"{name} {values[name]:.4g}" for name in SHOWN if name in values)
        if phase != self.phase:
            self.phase = phase
            name = NAMES.get(phase, phase)
            self.progress.reset(self.task, description=name, visible=True, costs="")
        self.progress.update(self.task, completed=step, total=total, costs=costs)
        if not self.console.is_terminal and perf_counter() - self.printed >= LINE_SECONDS:
            self._line(f"{self.title}: {NAMES.get(phase, phase)} {step}/{total}  {costs}")

    def done(self, record: dict[str, Any]) -> None:
        self._line(f"{self.title}: {outcome(record)}")

    def known(self, record: dict[str, Any]) -> None:
        self._line(f"{self.title}: known, {outcome(record)}")

    def _line(self, text: str) -> None:
        self.progress.update(self.task, visible=False)
        self.console.print(escape(text), soft_wrap=True)
        self.printed = perf_counter()


def outcome(record: dict[str, Any]) -> str:
    """A record in a few words."""
    if "failure" in record:
        return f"failed: {record['failure']}"
    errors = ", ".join(f"{n} {s['error']:.2%}" for n, s in record["scores"].items())
    stage_one = record.get("stage_one", {}).get("seconds", 0)
    return f"error {errors}; {stage_one:.0f} + {sum(record['seconds'].values()):.0f} s"
