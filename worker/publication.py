"""A finished attempt's files become the job's results: the files first, then the row."""

import logging
from contextlib import suppress

from jobs.artifacts import ArtifactStore
from jobs.errors import StoreUnavailable
from worker.exchange import Outcome, Scratch
from worker.lease import Lease

logger = logging.getLogger(__name__)


def publish(outcome: Outcome, artifacts: ArtifactStore, scratch: Scratch, lease: Lease) -> bool:
    """Move the files, then claim success; if the attempt was over, its files are taken back.

    Returns whether the row says now that the job succeeded.

    When the database stays away the files are left where they are: whether the row points to them
    is not known, and a later sweep can tell.
    """
    for file in outcome.files:
        if (path := scratch.results / file.name).exists():  # else it is there since the last try
            artifacts.take(path, file.key, lease.keep)
    notices = [notice.model_dump() for notice in outcome.notices]
    succeeded = lease.insist(
        lambda: lease.attempts.succeed(
            lease.job_id,
            lease.attempt,
            outcome.result,
            notices,
            outcome.files,
            outcome.method,
        )
    )
    if succeeded:
        logger.info("%s attempt %d: succeeded", lease.job_id, lease.attempt)
        with suppress(StoreUnavailable):  # a later sweep forgets them
            _forget_others(outcome, artifacts, lease.job_id)
    elif succeeded is False:
        with suppress(StoreUnavailable):
            for file in outcome.files:
                artifacts.remove(file.key)
    return bool(succeeded)


def _forget_others(outcome: Outcome, artifacts: ArtifactStore, job_id: str) -> None:
    """Delete what the row no longer names: checkpoints, and files of earlier attempts."""
    named = {file.key for file in outcome.files}
    for found in list(artifacts.listed(f"jobs/{job_id}")):
        if found.key not in named:
            artifacts.remove(found.key)
