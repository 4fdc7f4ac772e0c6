"""Deletes what is older than the operator keeps: jobs, comparisons without jobs, data sets."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from jobs.artifacts import ArtifactStore
from jobs.errors import DomainError
from jobs.records import Comparison, Dataset, Job
from jobs.settings import Settings
from jobs.store import Store

DAY = 86400.0

logger = logging.getLogger(__name__)


def retire(settings: Settings, store: Store, artifacts: ArtifactStore) -> None:
    """One look at everything; what somebody uses by now, or has deleted, is passed over."""
    if settings.retain_jobs_days is not None:
        age = settings.retain_jobs_days * DAY
        _retire("jobs", store.jobs.ended(age), store.jobs.delete, artifacts)
        _retire("comparisons", store.comparisons.empty(age), store.comparisons.delete, artifacts)
        store.idempotency_keys.forget(age)
    if settings.retain_datasets_days is not None:
        unused = store.datasets.unused(settings.retain_datasets_days * DAY)
        _retire("datasets", unused, store.datasets.delete, artifacts)


def _retire(
    kind: str,
    found: Iterable[Job | Comparison | Dataset],
    delete: Callable[[str, str], object],
    artifacts: ArtifactStore,
) -> None:
    for record in found:
        key = f"{kind}/{record.id}"
        with suppress(DomainError):
            delete(record.id, record.owner)
            logger.info("%s: kept long enough, %d bytes freed", key, artifacts.delete(key))
