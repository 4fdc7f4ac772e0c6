"""A trainer process: one attempt at one job. It ends with the worker that started it."""

import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from jobs import logs, tracing
from jobs.errors import (
    Diverged,
    DomainError,
    JobFailed,
    OutOfMemory,
    TrainerCrashed,
    UnsuitableData,
)
from models.base import NotFinite, Stopped, Unsuitable
from worker.exchange import Failure, Scratch, Spec, write

NICENESS = 5
STOPPED = 75
"""Exit status after a requested stop (EX_TEMPFAIL)."""

logger = logging.getLogger("worker.trainer")


def main(spec_path: str) -> int:
    follow_parent()
    step_back()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    spec = Spec.model_validate_json(Path(spec_path).read_bytes())
    logs.configure(spec.log_format, "info", "trainer")
    logs.job_id.set(spec.job_id)
    send_traces = tracing.configure(spec.traces_endpoint, "trainer")
    try:
        with tracing.tracer.start_as_current_span("trainer", tracing.below(spec.trace)):
            return attempt(spec, stop)
    finally:
        send_traces()


def attempt(spec: Spec, stop: threading.Event) -> int:
    """Exit status of one; why it failed is in its folder."""
    try:
        run(spec, stop)
    except Stopped:
        return STOPPED
    except Exception as error:
        logger.exception("the attempt failed")
        kind = classify(error)
        detail = say(kind, error)
        write(Scratch(spec.scratch).failure, Failure(kind=kind.slug(), detail=detail))
        tracing.failed(kind.slug(), detail)
        return 1
    return 0


def run(spec: Spec, stop: threading.Event) -> None:
    from worker.trainer.session import train  # noqa: PLC0415 - torch loads under the watch above

    train(spec, stop)


def follow_parent() -> None:
    """End this process when its standard input closes, however the parent ended."""
    threading.Thread(target=_end_with_stdin, name="follow-parent", daemon=True).start()


def step_back() -> None:
    """Leave the processor to what has to answer: the API is late when training is as urgent.

    Linux weighs sessions first where it groups by them (sched(7), autogroup), then processes.
    """
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


def classify(error: Exception) -> type[DomainError]:
    """The error of a job's life that an exception in training stands for.

    ``TrainerCrashed`` for what may pass: files and accelerators. Any other exception would be
    raised again, for a method computes the same from the same data: ``JobFailed``.
    """
    if isinstance(error, NotFinite):
        return Diverged
    if isinstance(error, Unsuitable):
        return UnsuitableData
    if isinstance(error, MemoryError) or _torch_memory(error):
        return OutOfMemory
    passing = isinstance(error, OSError) or type(error).__name__ == "AcceleratorError"
    return TrainerCrashed if passing else JobFailed


def say(kind: type[DomainError], error: Exception) -> str:
    if kind in (Diverged, UnsuitableData):
        return str(error)
    reason = f"{type(error).__name__}: {error}"
    return (
        f"These settings cannot be computed on these images: {reason}"
        if kind is JobFailed
        else reason
    )


def _torch_memory(error: Exception) -> bool:
    """CUDA has a class of its own, the CPU's allocator raises a plain RuntimeError."""
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
