"""Says in the database that this worker is alive, what it has, and what it works on."""

import logging
import os
import signal
from importlib.metadata import version

from jobs.records import JSON
from jobs.store import Store
from jobs.store.migrations import SchemaTooNew
from worker.supervisor import Supervisor
from worker.versions import versions

BEAT_SECONDS = 3.0

logger = logging.getLogger(__name__)


class Presence:
    def __init__(self, store: Store, supervisor: Supervisor) -> None:
        self.store = store
        self.supervisor = supervisor
        found = supervisor.hardware
        self.device = found.name
        self.about: JSON = {
            "kind": found.device,
            "memory_bytes": found.memory_bytes,
            "version": version("s2convscn"),
            "versions": versions(),
            "since": store.database.clock(),
        }

    def beat(self) -> None:
        """End this worker once a later version has taken over the database, or without its GPU."""
        if why := self.supervisor.gone or self._outdated():
            logger.error("%s This worker ends.", why)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        name, job_id = self.supervisor.name, self.supervisor.job_id
        self.store.workers.beat(name, self.device, job_id, **self.about)

    def _outdated(self) -> str | None:
        try:
            self.store.database.check()
        except SchemaTooNew as error:
            return str(error)
        return None

    def leave(self) -> None:
        self.store.workers.leave(self.supervisor.name)
