"""The SQL store: the only truth about data sets, jobs, comparisons and workers."""

import time
from copy import copy

from jobs.records import Limits
from jobs.settings import Settings
from jobs.store.attempts import Attempts
from jobs.store.comparisons import Comparisons
from jobs.store.database import Clock, Database
from jobs.store.datasets import Datasets
from jobs.store.events import Events
from jobs.store.idempotency import IdempotencyKeys
from jobs.store.jobs import Jobs
from jobs.store.keys import Keys
from jobs.store.quotas import Quotas
from jobs.store.tallies import Tallies
from jobs.store.webhooks import Webhooks
from jobs.store.workers import Workers


class Store:
    """All verbs on one database; both API and worker open their own."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        """Connect, and bring the schema up to date.

        Raises:
            SchemaTooNew: if the database is of a later version.
            SettingsError: if it cannot hold every letter.
        """
        self.database = Database(settings.database, clock)
        try:
            self.database.create()
        except BaseException:
            self.database.close()
            raise
        self.limit(settings.owner_limits)
        self.events = Events(self.database)
        self.attempts = Attempts(
            self.database,
            lease_seconds=settings.lease_seconds,
            max_failures=settings.max_failures,
        )
        self.keys = Keys(self.database)
        self.workers = Workers(self.database)
        self.tallies = Tallies(self.database)
        self.webhooks = Webhooks(self.database)
        self.idempotency_keys = IdempotencyKeys(self.database)

    def under(self, limits: Limits) -> "Store":
        """The same store for one who has these limits."""
        other = copy(self)
        other.limit(limits)
        return other

    def limit(self, limits: Limits) -> None:
        """What is added from now on keeps to these limits of its owner."""
        quotas = Quotas(limits)
        self.datasets = Datasets(self.database, quotas)
        self.jobs = Jobs(self.database, quotas)
        self.comparisons = Comparisons(self.database, quotas)

    def close(self) -> None:
        self.database.close()


__all__ = ["Store"]
