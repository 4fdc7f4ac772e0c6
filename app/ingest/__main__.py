"""The reading process: limits first, then the upload; the outcome goes into result.json."""

import errno
import os
import resource
import signal
import sys
from pathlib import Path

from app.ingest.errors import NO_SPACE, StorageFull, TooLarge
from app.ingest.options import Limits, Order, Outcome, Refusal
from app.ingest.process import FULL, GRACE_SECONDS, NO_ROOM, RESULT
from jobs.errors import DomainError

INDEX_BYTES = 256 * 1024**2
"""Room in the file size limit for an index of long names."""


def main() -> None:
    order = Order.model_validate_json(sys.stdin.buffer.read())
    confine(order.limits)
    folder = Path.cwd()
    outcome = attempt(order, folder)
    try:
        (folder / RESULT).write_text(outcome.model_dump_json(), encoding="utf-8")
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        os._exit(NO_ROOM)  # a traceback would find no room either, and change the status


def confine(limits: Limits) -> None:
    """Lower this process's own limits for good."""
    seconds = int(limits.seconds) + GRACE_SECONDS
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + GRACE_SECONDS))
    size = limits.expanded_bytes + INDEX_BYTES
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(seconds)


def attempt(order: Order, folder: Path) -> Outcome:
    """Read the upload. Problems of the upload are an outcome; any other error is a crash."""
    try:
        from app.ingest.reading import read  # noqa: PLC0415 - within the limits on memory

        return Outcome(ingested=read(order, folder))
    except DomainError as error:
        return refused(error)
    except MemoryError:
        return refused(too_much_memory(order.limits))
    except OSError as error:
        return refused(by_system(error, order.limits))


def refused(error: DomainError) -> Outcome:
    refusal = Refusal(error=type(error).__name__, detail=error.detail, members=error.members)
    return Outcome(refusal=refusal)


def by_system(error: OSError, limits: Limits) -> DomainError:
    """What an error of the operating system means; it is raised again if it is a fault of ours."""
    if error.errno == errno.ENOMEM:
        return too_much_memory(limits)
    if error.errno == errno.EFBIG:
        return TooLarge(
            f"Unpacked, the upload is larger than {limits.expanded_bytes} bytes.",
            limit=limits.expanded_bytes,
        )
    if error.errno in NO_SPACE:
        return StorageFull(FULL)
    raise error


def too_much_memory(limits: Limits) -> TooLarge:
    return TooLarge(
        f"Reading the upload needs more than {limits.memory_bytes} bytes of memory: "
        "send fewer or smaller images.",
        limit=limits.memory_bytes,
    )


if __name__ == "__main__":
    main()
