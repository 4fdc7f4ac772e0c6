"""What an owner may have, checked in the transaction that adds to it."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, Select, func, select, text

from jobs.errors import QuotaExceeded
from jobs.records import Limits
from jobs.states import UNFINISHED
from jobs.store.tables import artifacts, datasets, jobs


@dataclass(frozen=True)
class Quotas:
    """The limits of each owner; ``bytes`` are those of data sets and results."""

    limits: Limits = field(default_factory=Limits)

    def check_datasets(self, connection: Connection, owner: str, more: int = 0) -> None:
        """Whether the owner may have its data sets, and so many more. Raises QuotaExceeded."""
        if self.limits.datasets is None and self.limits.bytes is None:
            return
        _lock(connection, owner)
        own = datasets.c.owner == owner, datasets.c.deleted_at.is_(None)
        if self.limits.datasets is not None:
            count = _number(connection, select(func.count()).select_from(datasets).where(*own))
            if count + more > self.limits.datasets:
                raise _exceeded("data sets", self.limits.datasets, count + more, "delete some")
        self._check_bytes(connection, owner, more)

    def check_jobs(self, connection: Connection, owner: str, more: int) -> None:
        """Whether the owner may have so many jobs more. Raises QuotaExceeded."""
        if self.limits.jobs is None and self.limits.bytes is None:
            return
        _lock(connection, owner)
        self._check_bytes(connection, owner, 1)
        if self.limits.jobs is not None:
            own = jobs.c.owner == owner, jobs.c.status.in_(UNFINISHED)
            count = _number(connection, select(func.count()).select_from(jobs).where(*own))
            if count + more > self.limits.jobs:
                what = "wait until some are over, or cancel them"
                raise _exceeded("unfinished jobs", self.limits.jobs, count + more, what)

    def _check_bytes(self, connection: Connection, owner: str, more: int) -> None:
        if self.limits.bytes is None:
            return
        sets = select(func.coalesce(func.sum(datasets.c.bytes), 0)).where(
            datasets.c.owner == owner, datasets.c.deleted_at.is_(None)
        )
        results = (
            select(func.coalesce(func.sum(artifacts.c.bytes), 0))
            .join(jobs, jobs.c.id == artifacts.c.job_id)
            .where(jobs.c.owner == owner)
        )
        used = _number(connection, sets) + _number(connection, results)
        if used + more > self.limits.bytes:
            what = "delete data sets or jobs"
            raise _exceeded("bytes of data sets and results", self.limits.bytes, used + more, what)


def _number(connection: Connection, query: Select[int]) -> int:
    return int(connection.execute(query).scalar_one())  # sums are decimals on PostgreSQL


def _lock(connection: Connection, owner: str) -> None:
    """One addition of an owner at a time; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        query = text("SELECT pg_advisory_xact_lock(hashtext(:owner))")
        connection.execute(query, {"owner": f"quota {owner}"})


def _exceeded(what: str, limit: int, needed: int, remedy: str) -> QuotaExceeded:
    return QuotaExceeded(
        f"You may have {limit} {what}, with this you would have {needed}: {remedy}.",
        limit=limit,
        needed=needed,
    )
