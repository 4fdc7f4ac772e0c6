"""Deletes files that no row names. What may still be in the making is left alone."""

import logging
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from jobs.artifacts import ArtifactStore, Stored
from jobs.settings import Settings
from jobs.store import Store

YOUNG_SECONDS = 3600.0

logger = logging.getLogger(__name__)


def sweep(settings: Settings, store: Store, artifacts: ArtifactStore) -> None:
    """Remove deleted data sets and jobs, files of dead attempts, and stale scratch folders."""
    datasets, jobs = (_by_id(artifacts, kind) for kind in ("datasets", "jobs"))
    for key in [
        *_without_row(datasets, store.datasets.live_ids()),
        *_without_row(jobs, store.jobs.live_ids()),
    ]:
        logger.info("swept %s, %d bytes", key, artifacts.delete(key))
    for key in _unnamed(store, jobs):
        logger.info("swept %s", key)
        artifacts.remove(key)
    for path in _stale(settings.scratch_dir, store):
        logger.info("swept %s", path)
        remove(path)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _by_id(artifacts: ArtifactStore, kind: str) -> dict[str, list[Stored]]:
    """The files under each key such as ``jobs/ID``."""
    found: dict[str, list[Stored]] = defaultdict(list)
    for file in artifacts.listed(kind):
        found["/".join(file.key.split("/")[:2])].append(file)
    return found


def _without_row(found: dict[str, list[Stored]], live: set[str]) -> Iterator[str]:
    for key, files in found.items():
        if key.split("/")[1] not in live and is_past(max(file.modified for file in files)):
            yield key


def _unnamed(store: Store, found: dict[str, list[Stored]]) -> Iterator[str]:
    """Files of attempts that are over, named by no row: late results, dropped checkpoints."""
    for job, files in found.items():
        old = [file for file in files if is_past(file.modified)]
        active = _active(store)  # before the names, which an attempt gives as it ends
        named = {artifact.key for artifact in store.jobs.artifacts(job.split("/")[1])}
        for file in old:
            _, job_id, attempt, *_ = file.key.split("/")
            if (job_id, attempt) not in active and file.key not in named:
                yield file.key


def _stale(scratch: Path, store: Store) -> Iterator[Path]:
    """Attempts that are over, and old files of whatever else was half made."""
    folders = list(scratch.glob("job_*/*"))
    active = _active(store)
    yield from (f for f in folders if (f.parent.name, f.name) not in active)
    yield from (f for f in scratch.glob("*") if not f.name.startswith("job_") and is_old(f))


def _active(store: Store) -> set[tuple[str, str]]:
    return {(job_id, str(attempt)) for job_id, attempt in store.attempts.active()}


def is_old(path: Path) -> bool:
    """Whether nothing in it was written for an hour; a file that just vanished is not old."""
    try:
        times = [p.stat().st_mtime for p in (path, *path.rglob("*"))]
    except FileNotFoundError:
        return False
    return is_past(max(times))


def is_past(modified: float) -> bool:
    return time.time() - modified > YOUNG_SECONDS
