"""The task's body: claim a job, run an attempt at it, send its message again if it must go on."""

import logging
from collections.abc import Collection
from contextlib import suppress
from threading import Event

from opentelemetry.trace import SpanKind
from sqlalchemy.exc import SQLAlchemyError

from jobs import logs, tracing
from jobs.artifacts import ArtifactStore
from jobs.dispatch import dispatch
from jobs.errors import BrokerUnavailable
from jobs.queue import Queue
from jobs.records import Claim
from jobs.settings import Settings
from jobs.store import Store
from jobs.tracing import tracer
from worker.attempt import Attempt
from worker.hardware import Hardware
from worker.metrics import Figures

HAND_ON_SECONDS = 0.5
"""Before a message goes back into the queue, so that few small workers do not play ball with it."""

logger = logging.getLogger(__name__)


class Supervisor:
    """One worker's; runs one job at a time.

    ``job_id`` is the job under way, None when idle; ``gone`` says what this worker has lost and
    must end without.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        artifacts: ArtifactStore,
        queue: Queue,
        name: str,
        *,
        hardware: Hardware,
        figures: Figures | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.artifacts = artifacts
        self.queue = queue
        self.name = name
        self.hardware = hardware
        self.shutdown = Event()
        self.figures = figures or Figures()
        self.job_id: str | None = None
        self.gone: str | None = None

    def serve(self, message: str) -> None:
        """Run jobs until none is queued that this worker can hold.

        The messages of some may be lost, or have gone to workers that cannot hold them.
        """
        more = self.run(message)
        while more:
            more = self.run()

    def run(self, message: str | None = None) -> bool:
        """Run the job whose turn it is; a message that finds none queued is dropped.

        ``message``: the id of the job that it was sent for, which may have gone to another before.

        Returns whether there was one.
        """
        claim = None if self.shutdown.is_set() else self._claim(message)
        if claim is None:
            return False
        self.job_id = job_id = claim.job.id
        logs.job_id.set(job_id)
        try:
            self._attempt(claim)
        finally:
            self.job_id = None
            logs.job_id.set(None)
        self._send_again(job_id)
        return True

    def _attempt(self, claim: Claim) -> None:
        course = self.figures.claimed(claim)
        context = tracing.below(claim.job.trace)
        about: tracing.Attributes = {
            tracing.JOB: claim.job.id,
            "s2convscn.attempt": claim.attempt,
            "s2convscn.method": str(claim.job.method["method"]),
            "s2convscn.images": claim.dataset.n_images,
            "s2convscn.worker": self.name,
            "s2convscn.device": self.hardware.name,
        }
        tracing.waited("queued", context, claim.queued_at, about)
        with tracer.start_as_current_span("attempt", context, SpanKind.CONSUMER, about):
            attempt = Attempt(
                claim,
                self.settings,
                self.store,
                self.artifacts,
                self.shutdown,
                course=course,
                hardware=self.hardware,
            )
            attempt.run()
        if attempt.device_gone:
            self.gone = f"{self.hardware.name} does not answer any more."
            self.shutdown.set()

    def _claim(self, message: str | None) -> Claim | None:
        """While the database is away nothing is claimed: the row stays, the reaper sends again."""
        try:
            claim = self.store.attempts.claim_next(self.name, self.hardware.capacity)
            if claim is None and message is not None:
                self._hand_on(message)
        except SQLAlchemyError as error:
            logger.warning("nothing is claimed, no database (%s)", type(error).__name__)
            return None
        return claim

    def _hand_on(self, message: str) -> None:
        """A job that waits and is too large for this worker: its message is for an idle one.

        If all that could hold it are busy, they look for it when they are done.
        """
        job = self.store.attempts.queued(message)
        if job is None or self.hardware.capacity.holds(job):
            logger.info("%s: nothing is queued, its message is dropped", message)
            return
        workers = self.store.workers.alive(self.settings.lease_seconds)
        if any(worker.job_id is None and worker.capacity.holds(job) for worker in workers):
            self.shutdown.wait(HAND_ON_SECONDS)
            with suppress(BrokerUnavailable):
                self.queue.send(job.id, job.device, again=True)

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
        if job_id in job_ids and (job := store.attempts.queued(job_id)):
            dispatch(store, queue, job, again=True)
            logger.info("%s: message sent again", job_id)
