"""The parent's side: start the reading process, wait, and make its outcome the service's own."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.ingest import errors
from app.ingest.options import EXPANSION, Ingested, IngestOptions, Kind, Limits, Order, Outcome
from jobs.errors import DomainError

if TYPE_CHECKING:  # the child imports this module too, and starts faster without
    from jobs.settings import Settings

GRACE_SECONDS = 5
"""How much later than the parent the child's own limits strike: they are for a lost parent."""
RESULT = "result.json"
LOG = "stderr.txt"
LOG_TAIL = 4000
NO_ROOM = 28
"""Exit status of a child that had no room even for its outcome."""
PRODUCTS = ("pixels.npy", "index.json")

FULL = "There is no room to store the upload: try again later."

logger = logging.getLogger("app.ingest")


def ingest(
    source: Path, kind: Kind, options: IngestOptions, target: Path, settings: Settings
) -> Ingested:
    """Read an upload in a child process and write pixels.npy and index.json into ``target``.

    Images of an archive are sorted by name as people sort (img2 before img10), and are named by
    their path in the archive; images of an array keep its order.

    Raises:
        DomainError: one of app.ingest.errors. Nothing is left in ``target`` then.
    """
    if source.stat().st_size == 0:
        raise errors.EmptyUpload("The upload has 0 bytes.")
    order = Order(
        source=str(source.resolve()), kind=kind, options=options, limits=limits_of(settings)
    )
    target.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".ingest-", dir=target))
    try:
        ingested = _outcome(scratch, _run(order, scratch), order.limits)
        for product in PRODUCTS:
            (scratch / product).replace(target / product)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return ingested


def limits_of(settings: Settings) -> Limits:
    return Limits(
        dataset_bytes=settings.max_dataset_bytes,
        expanded_bytes=max(settings.max_upload_bytes, EXPANSION * settings.max_dataset_bytes),
        images=settings.max_images,
        image_pixels=settings.max_image_pixels,
        seconds=settings.ingest_seconds,
        memory_bytes=settings.ingest_memory_bytes,
    )


def _run(order: Order, scratch: Path) -> int:
    """The child's exit status: negative for a signal, as in subprocess."""
    with (scratch / LOG).open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-I", "-m", "app.ingest"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=scratch,
            env=_environment(scratch),
            start_new_session=True,
        )
    try:
        child.communicate(order.model_dump_json().encode(), timeout=order.limits.seconds)
    except subprocess.TimeoutExpired:
        raise _timed_out(order.limits) from None
    finally:
        _end(child)
    return child.returncode


def _environment(scratch: Path) -> dict[str, str]:
    """Nothing of the service's own; one thread, since each takes from the address space."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    return {"LANG": "C.UTF-8", "TMPDIR": str(scratch), **threads}


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdin:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


def _outcome(scratch: Path, status: int, limits: Limits) -> Ingested:
    if status:
        raise _death(scratch, status, limits)
    outcome = Outcome.model_validate_json((scratch / RESULT).read_bytes())
    if outcome.ingested:
        return outcome.ingested
    refusal = outcome.refusal
    assert refusal  # noqa: S101 - an outcome is one of the two
    raise getattr(errors, refusal.error)(refusal.detail, **refusal.members)


def _death(scratch: Path, status: int, limits: Limits) -> DomainError:
    if status == NO_ROOM:
        return errors.StorageFull(FULL)
    if -status in (signal.SIGXCPU, signal.SIGALRM):
        return _timed_out(limits)
    if -status == signal.SIGKILL:
        return errors.TooLarge(
            "The system ended the process that read the upload, most likely for lack of memory: "
            "send fewer or smaller images."
        )
    tail = (scratch / LOG).read_bytes()[-LOG_TAIL:].decode(errors="replace")
    logger.error("reading an upload ended with status %d: %s", status, tail)
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    return errors.IngestCrashed(
        f"The process that read the upload ended {how} before it could say why: the upload is "
        "probably damaged. Save it again, or send its images as PNG files in a zip."
    )


def _timed_out(limits: Limits) -> errors.IngestTimedOut:
    return errors.IngestTimedOut(
        f"Reading the upload took longer than {limits.seconds:g} seconds: "
        "send fewer or smaller images.",
        limit=limits.seconds,
    )
