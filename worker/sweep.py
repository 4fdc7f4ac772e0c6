"""Deletes files that no row names. What may still be in the making is left alone."""

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from jobs.artifacts import ArtifactStore
from jobs.settings import Settings
from jobs.store import Store

YOUNG_SECONDS = 3600.0

logger = logging.getLogger(__name__)


def sweep(settings: Settings, store: Store, artifacts: ArtifactStore) -> None:
    """Remove deleted data sets and jobs, files of dead attempts, and stale scratch folders."""
    for path in [
        *_without_row(artifacts.folders("datasets"), store.datasets.live_ids()),
        *_without_row(artifacts.folders("jobs"), store.jobs.live_ids()),
        *_unnamed(store, artifacts),
        *_stale(settings.scratch_dir, store),
    ]:
        logger.info("swept %s", path)
        remove(path)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _without_row(folders: list[Path], live: set[str]) -> Iterator[Path]:
    return (folder for folder in folders if folder.name not in live and is_old(folder))


def _unnamed(store: Store, artifacts: ArtifactStore) -> Iterator[Path]:
    """Files of attempts that are over, named by no row: late results, dropped checkpoints."""
    for job in artifacts.folders("jobs"):
        files = [path for path in job.glob("*/*") if is_old(path)]
        active = _active(store)
        named = {artifacts.path(file.key) for file in store.jobs.artifacts(job.name)}
        for path in files:
            if path not in named and (job.name, path.parent.name) not in active:
                yield path


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
    return time.time() - max(times) > YOUNG_SECONDS
