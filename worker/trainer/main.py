"""A trainer process: one attempt at one job."""

import logging
import threading
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
from worker.exchange import STOPPED, Failure, Scratch, Spec, write

logger = logging.getLogger("worker.trainer")


def main(spec_path: Path, stop: threading.Event, broken: ImportError | None) -> int:
    """Exit status of the attempt that a file specifies.

    ``stop`` asks it to end; ``broken`` is why its libraries could not be loaded.
    """
    spec = Spec.model_validate_json(spec_path.read_bytes())
    logs.configure(spec.log_format, "info", "trainer")
    logs.job_id.set(spec.job_id)
    send_traces = tracing.configure(spec.traces_endpoint, "trainer")
    try:
        with tracing.tracer.start_as_current_span("trainer", tracing.below(spec.trace)):
            return attempt(spec, stop, broken)
    finally:
        send_traces()


def attempt(spec: Spec, stop: threading.Event, broken: ImportError | None) -> int:
    """Exit status of one; why it failed is in its folder."""
    try:
        run(spec, stop, broken)
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


def run(spec: Spec, stop: threading.Event, broken: ImportError | None) -> None:
    if broken is not None:
        raise broken
    from worker.trainer.session import train  # noqa: PLC0415 - the server has loaded it

    train(spec, stop)


def classify(error: Exception) -> type[DomainError]:
    """The error of a job's life that an exception in training stands for.

    ``TrainerCrashed`` for what another attempt may not meet: files, accelerators, an installation.
    Any other exception would be raised again, for a method computes the same from the same data:
    ``JobFailed``.
    """
    if isinstance(error, NotFinite):
        return Diverged
    if isinstance(error, Unsuitable):
        return UnsuitableData
    if isinstance(error, MemoryError) or _torch_memory(error):
        return OutOfMemory
    passing = isinstance(error, OSError | ImportError) or (
        type(error).__name__ == "AcceleratorError"
    )
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
