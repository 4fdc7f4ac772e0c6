"""What surrounds a fit in a trainer: progress, metrics, checkpoints, and the wish to stop."""

import threading
import time
from collections.abc import Callable
from math import isfinite

from jobs.artifacts import describe
from jobs.states import Phase
from models.base import IntArray, State, Stopped
from worker.exchange import Report, Scratch, Spec, Spent, write
from worker.trainer import checkpoints, machine
from worker.trainer.checkpoints import Checkpoint, Journal, Row
from worker.trainer.progress import Tracker
from worker.trainer.stretches import Stretches

REPORT_SECONDS = 0.5


class JobRun:
    """Implements ``models.base.Run`` on the files of a scratch folder."""

    def __init__(
        self,
        spec: Spec,
        *,
        device: str,
        threads: int,
        versions: dict[str, str],
        checkpoint: Checkpoint | None,
        stop: threading.Event,
        stretches: Stretches | None = None,
    ) -> None:
        self.device = device
        self.seed = spec.seed
        self.rows: list[Row] = []
        self.count = checkpoint.journal.count if checkpoint else None
        self.threads = threads
        self.versions = versions
        self._spec = spec
        self._scratch = Scratch(spec.scratch)
        self._stop = stop
        self._stretches = stretches or Stretches()
        self._checkpoint = checkpoint
        self._number = spec.next_checkpoint
        self._tracker = Tracker(checkpoint.journal.fraction if checkpoint else 0.0)
        self._before = 0.0
        self._began = self._saved = time.monotonic()
        self._serial = 0
        self._reported = -REPORT_SECONDS
        self._phase: Phase | None = None
        self._spent: dict[Phase, Spent] = {}
        self._counted = self._began

    @property
    def elapsed(self) -> float:
        """Seconds of the fit, with those of the attempts that this one goes on from."""
        return self._before + time.monotonic() - self._began

    def begin(self) -> None:
        """The fit begins: what came before is not of its time."""
        self._began = time.monotonic()

    def report(
        self,
        phase: str,
        step: int,
        total: int,
        *,
        save: Callable[[], State] | None = None,
        labels: IntArray | None = None,  # noqa: ARG002 - for runs that follow the partitions
        **values: float,
    ) -> None:
        """Record a step that has figures, and a checkpoint if due; raises Stopped when told."""
        losses = {name: float(value) for name, value in values.items()}
        finite = {name: value if isfinite(value) else None for name, value in losses.items()}
        if finite:
            row = {"phase": str(phase), "epoch": step, "epochs": total, **finite}
            self.rows.append(row | self._tracker.place)
        self.show(Phase(phase), step, total, losses)
        stop = self._stop.is_set()
        if save is not None and (stop or self._checkpoint_due()):
            self._save(save())
        if stop:
            raise Stopped

    def part(self, number: int, of: int) -> None:
        """The fraction done goes on from part to part; the metrics say which one they are of."""
        self._tracker.part, self._tracker.parts = number, of

    def heed(self) -> None:
        """Raises Stopped when told to end; for moments at which there is nothing to save."""
        if self._stop.is_set():
            raise Stopped

    def show(
        self, phase: Phase, step: int, total: int, losses: dict[str, float] | None = None
    ) -> None:
        """Write progress, but not the same phase more often than every ``REPORT_SECONDS``."""
        progress = self._tracker.step(phase, step, total, losses or {})
        now = time.monotonic()
        self._count(phase, now - self._counted, epochs=progress.epoch is not None)
        self._counted = now
        self._stretches.done(phase, step)
        urgent = phase is not self._phase or step >= total
        if urgent or now - self._reported >= REPORT_SECONDS:
            self._phase, self._reported = phase, now
            self._serial += 1
            longest = self._tracker.longest_step
            report = Report(
                serial=self._serial,
                progress=progress,
                longest_step=longest,
                spent=self._spent,
                device_bytes=machine.device_bytes(self.device),
            )
            write(self._scratch.report, report)

    def _count(self, phase: Phase, seconds: float, *, epochs: bool) -> None:
        before = self._spent.get(phase, Spent(seconds=0, epochs=0))
        self._spent[phase] = Spent(
            seconds=before.seconds + seconds, epochs=before.epochs + int(epochs)
        )

    def resume(self) -> State | None:
        """The checkpoint's state; its metrics and seconds then count as this run's."""
        if self._checkpoint is None:
            return None
        self.rows = list(self._checkpoint.journal.rows)
        self._before = self._checkpoint.journal.elapsed
        return self._checkpoint.state

    def _checkpoint_due(self) -> bool:
        return time.monotonic() - self._saved >= self._spec.checkpoint_seconds

    def _save(self, state: State) -> None:
        """The file first, its record second: the supervisor takes what has a record."""
        name = checkpoints.file_name(self._number)
        path = self._scratch.checkpoints / name
        journal = Journal(
            rows=self.rows,
            fraction=self._tracker.fraction,
            threads=self.threads,
            elapsed=self.elapsed,
            versions=self.versions,
            count=self.count,
        )
        checkpoints.save(path, Checkpoint(state, journal))
        key = f"jobs/{self._spec.job_id}/{self._spec.attempt}/{name}"
        write(
            path.with_suffix(".json"),
            describe(path, key, "checkpoint", "application/octet-stream"),
        )
        self._number += 1
        self._saved = time.monotonic()
