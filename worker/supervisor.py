"""The task's body: claim a job, run an attempt at it, send its message again if it must go on."""

import logging
from collections.abc import Collection
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from jobs import logs
from jobs.artifacts import ArtifactStore
from jobs.errors import BrokerUnavailable
from jobs.queue import Queue
from jobs.records import Claim
from jobs.settings import Settings
from jobs.store import Store
from worker.attempt import Attempt
from worker.metrics import Figures

logger = logging.getLogger(__name__)


class Supervisor:
    """One worker's; runs one job at a time. ``job_id`` is the job under way, None when idle."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        artifacts: ArtifactStore,
        queue: Queue,
        name: str,
        figures: Figures | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.artifacts = artifacts
        self.queue = queue
        self.name = name
        self.shutdown = Event()
        self.figures = figures or Figures()
        self.job_id: str | None = None

    def run(self, message: str) -> None:
        """Run the job whose turn it is; a message that finds none queued is dropped.

        ``message``: the id of the job that it was sent for, which may have gone to another before.
        """
        claim = None if self.shutdown.is_set() else self._claim(message)
        if claim is None:
            return
        self.job_id = job_id = claim.job.id
        logs.job_id.set(job_id)
        try:
            course = self.figures.claimed(claim)
            Attempt(claim, self.settings, self.store, self.artifacts, self.shutdown, course).run()
        finally:
            self.job_id = None
            logs.job_id.set(None)
        self._send_again(job_id)

    def _claim(self, message: str) -> Claim | None:
        """While the database is away nothing is claimed: the row stays, the reaper sends again."""
        try:
            claim = self.store.attempts.claim_next(self.name)
        except SQLAlchemyError as error:
            logger.warning("%s: not claimed, no database (%s)", message, type(error).__name__)
            return None
        if claim is None:
            logger.info("%s: nothing is queued, its message is dropped", message)
        return claim

    def _send_again(self, job_id: str) -> None:
        try:
            resend(self.store, self.queue, [job_id])
        except (SQLAlchemyError, BrokerUnavailable) as error:
            logger.warning("%s: its message is left to the reaper (%s)", job_id, error)


def resend(store: Store, queue: Queue, job_ids: Collection[str], older_than: float = 0) -> None:
    """Send a message for those of the jobs that are queued and have had none lately.

    Raises:
        BrokerUnavailable: when the broker does not take a message.
    """
    for job_id in store.attempts.unsent(older_than):
        if job_id in job_ids:
            queue.send(job_id, again=True)
            store.jobs.sent(job_id)
            logger.info("%s: message sent again", job_id)
