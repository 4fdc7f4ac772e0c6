"""An attempt's right to write, renewed by heartbeats, with patience for a database that is away."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from jobs.errors import StoreUnavailable
from jobs.records import Claim, Progress
from jobs.settings import Settings
from jobs.states import Status
from jobs.store import Store

RETRY_SECONDS = 0.5

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


class Lease:
    """``status`` is the job's as last seen; ``lost`` once this attempt must write no more."""

    def __init__(self, store: Store, claim: Claim, settings: Settings) -> None:
        self.attempts = store.attempts
        self.job_id, self.attempt = claim.job.id, claim.attempt
        self.status = claim.job.status
        self.lost = False
        self._length = settings.lease_seconds
        self._every = settings.heartbeat_seconds
        self._renewed = self._tried = time.monotonic()
        self._away = False

    def due(self) -> bool:
        return time.monotonic() - self._tried >= self._every

    def beat(self, progress: Progress | None) -> None:
        """Renew; it is lost when the row says so, or when it could not be renewed in time."""
        self._tried = time.monotonic()
        try:
            status = self.attempts.heartbeat(self.job_id, self.attempt, progress)
        except SQLAlchemyError as error:
            self._note_absence(error)
            self.lost = self.lost or self.over()
            return
        self._away = False
        if status is None:
            self.lost = True
        else:
            self.status, self._renewed = status, self._tried

    def keep(self) -> None:
        """Renew it if that is due, in the midst of something long."""
        if self.due():
            self.beat(None)

    def over(self) -> bool:
        return time.monotonic() - self._renewed > self._length

    def try_once(self, call: Callable[[], bool]) -> bool | None:
        """The call's answer; None if the database is away."""
        try:
            return call()
        except SQLAlchemyError as error:
            self._note_absence(error)
            return None

    def insist(self, call: Callable[[], bool]) -> bool | None:
        """Repeat a call until it is answered; None if the database stays away past the lease."""
        while (answer := self.try_once(call)) is None and not self.over():
            time.sleep(RETRY_SECONDS)
        return answer

    def outlast(self, call: Callable[[], Answer], given_up: Callable[[], bool]) -> Answer:
        """Repeat a call until the artifact store answers, for as long as there is reason to.

        Raises:
            StoreUnavailable: once the lease is lost, or it is given up.
        """
        while True:
            try:
                return call()
            except StoreUnavailable as error:
                self.keep()
                if self.lost or self.status is Status.CANCELLING or given_up():
                    raise
                logger.warning("%s waits: %s", self.job_id, error.detail)
            time.sleep(RETRY_SECONDS)

    def _note_absence(self, error: SQLAlchemyError) -> None:
        if not self._away:
            logger.warning(
                "%s: no answer from the database (%s)", self.job_id, type(error).__name__
            )
        self._away = True
