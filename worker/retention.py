"""Deletes what is older than the operator keeps: jobs, comparisons without jobs, data sets."""

import logging
from collections.abc import Callable
from contextlib import suppress

from jobs.artifacts import ArtifactStore
from jobs.errors import DomainError
from jobs.settings import Settings
from jobs.store import Store

DAY = 86400.0

logger = logging.getLogger(__name__)


def retire(settings: Settings, store: Store, artifacts: ArtifactStore) -> None:
    """One look at everything; what somebody uses by now, or has deleted, is passed over."""
    if settings.retain_jobs_days is not None:
        age = settings.retain_jobs_days * DAY
        for job in store.jobs.ended(age):
            _retire(f"jobs/{job.id}", job.owner, store.jobs.delete, artifacts)
        for comparison in store.comparisons.empty(age):
            _retire(
                f"comparisons/{comparison.id}",
                comparison.owner,
                store.comparisons.delete,
                artifacts,
            )
        store.idempotency_keys.forget(age)
    if settings.retain_datasets_days is not None:
        for dataset in store.datasets.unused(settings.retain_datasets_days * DAY):
            _retire(f"datasets/{dataset.id}", dataset.owner, store.datasets.delete, artifacts)


def _retire(
    key: str, owner: str, delete: Callable[[str, str], object], artifacts: ArtifactStore
) -> None:
    with suppress(DomainError):
        delete(key.rpartition("/")[2], owner)
        logger.info("%s: kept long enough, %d bytes freed", key, artifacts.delete(key))
