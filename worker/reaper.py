"""Finds what was lost: jobs whose worker fell silent, messages, and files that nobody names."""

import time

from jobs.artifacts import ArtifactStore
from jobs.queue import Queue
from jobs.settings import Settings
from jobs.store import Store
from worker.retention import retire
from worker.supervisor import Supervisor, resend
from worker.sweep import sweep

OVERDUE_SECONDS = 5.0
"""A message that an idle worker has not received for so long was lost."""
SWEEP_SECONDS = 600.0
FORGOTTEN_LEASES = 10
"""A worker that was silent for so many leases is dead."""


class Reaper:
    def __init__(
        self,
        settings: Settings,
        store: Store,
        artifacts: ArtifactStore,
        queue: Queue,
        supervisor: Supervisor,
    ) -> None:
        self.settings = settings
        self.store = store
        self.artifacts = artifacts
        self.queue = queue
        self.supervisor = supervisor
        self._swept = -SWEEP_SECONDS

    def look(self) -> None:
        """One round. Raises when database or broker are away; the next round tries again."""
        self.store.workers.forget(FORGOTTEN_LEASES * self.settings.lease_seconds)
        resend(self.store, self.queue, self.store.attempts.expire())
        if self.supervisor.job_id is None:
            self._wake()
        if time.monotonic() - self._swept >= SWEEP_SECONDS:
            self._swept = time.monotonic()
            retire(self.settings, self.store, self.artifacts)
            sweep(self.settings, self.store, self.artifacts)

    def _wake(self) -> None:
        """A job waits for this idle worker: send the oldest's message again, one at a time."""
        capacity = self.supervisor.hardware.capacity
        overdue = self.store.attempts.unsent(OVERDUE_SECONDS, capacity)
        resend(self.store, self.queue, overdue[:1], OVERDUE_SECONDS)
