"""SQL of the log of a job: its moves, and how far it was in between.

The ids of a job's events rise in the order in which they become visible: whoever writes one holds
the job's row.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from jobs.records import Event, Progress
from jobs.states import TERMINAL, Happening
from jobs.store.database import Database
from jobs.store.tables import events, jobs
from jobs.store.webhooks import release

STEP = 0.002
SECONDS = 15.0
"""Progress is logged once it has changed by so much or so long after the last time, so that a log
stays short however long a job runs."""


def log(connection: Connection, at: float, job_id: str, kind: str, **data: Any) -> None:
    """Append a move, in its own transaction and after the change of the job's row.

    The move that ends a job makes its webhook due.
    """
    connection.execute(insert(events).values(job_id=job_id, at=at, kind=kind, data=data))
    if kind in TERMINAL:
        release(connection, at, job_id)


def log_progress(connection: Connection, at: float, job_id: str, progress: Progress) -> None:
    """Append how far the job is, unless it was hardly less far when that was logged last."""
    query = (
        select(events.c.kind, events.c.at, events.c.data)
        .where(events.c.job_id == job_id)
        .order_by(events.c.id.desc())
        .limit(1)
    )
    last = connection.execute(query).one_or_none()
    if last is not None and last.kind == Happening.PROGRESS:
        before = Progress.model_validate(last.data)
        moved = abs(progress.fraction - before.fraction) >= STEP
        late = progress != before and at - last.at >= SECONDS
        if not (moved or late or progress.phase is not before.phase):
            return
    log(connection, at, job_id, Happening.PROGRESS, **progress.model_dump(mode="json"))


def forget(connection: Connection, job_ids: Collection[str]) -> None:
    """In the transaction that deletes the jobs."""
    connection.execute(delete(events).where(events.c.job_id.in_(job_ids)))


class News(NamedTuple):
    """``gone``: the jobs that were deleted, whose log nobody can read any more."""

    events: list[Event]
    gone: list[str]


class Events:
    def __init__(self, database: Database) -> None:
        self.database = database

    def of(
        self,
        job_id: str,
        after: int = 0,
        limit: int = 1000,
        kinds: Collection[Happening] = (),
    ) -> list[Event]:
        """Oldest first, those of a later id than ``after``; ``kinds`` empty means all."""
        with self.database.read() as connection:
            return _read(connection, job_id, after, limit, kinds)

    def known(self, job_id: str, after: int) -> int:
        """``after``, or 0 for an id that the job's log does not reach: that is of another log."""
        query = select(func.max(events.c.id)).where(events.c.job_id == job_id)
        with self.database.read() as connection:
            newest = connection.execute(query).scalar_one()
        return after if after <= (newest or 0) else 0

    def news(self, seen: Mapping[str, int]) -> News:
        """What came after the event that was seen last of each job, oldest first by job.

        Costs one query and one more for each job that has news.
        """
        newest = select(func.max(events.c.id)).where(events.c.job_id == jobs.c.id)
        query = select(jobs.c.id, jobs.c.deleted_at, newest.scalar_subquery().label("newest"))
        with self.database.read() as connection:
            found = connection.execute(query.where(jobs.c.id.in_(seen))).all()
            later = [row.id for row in found if (row.newest or 0) > seen[row.id]]
            told = [e for job_id in later for e in _read(connection, job_id, seen[job_id])]
        return News(told, [row.id for row in found if row.deleted_at is not None])


def _read(
    connection: Connection,
    job_id: str,
    after: int,
    limit: int = 1000,
    kinds: Collection[Happening] = (),
) -> list[Event]:
    query = select(events).where(events.c.job_id == job_id, events.c.id > after)
    if kinds:
        query = query.where(events.c.kind.in_(kinds))
    rows = connection.execute(query.order_by(events.c.id).limit(limit)).mappings()
    return [Event.model_validate(dict(row)) for row in rows]
