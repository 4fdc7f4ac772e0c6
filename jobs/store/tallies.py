"""SQL of figures for those who watch the service: how many jobs are where, and how they ended."""

from typing import NamedTuple

from sqlalchemy import func, select

from jobs.states import TERMINAL, Status
from jobs.store.database import Database
from jobs.store.tables import jobs


class Ending(NamedTuple):
    """``number`` jobs of a method ended so; ``problem`` is the kind of a failed one's, or empty."""

    method: str
    status: str
    problem: str
    number: int


class Tallies:
    def __init__(self, database: Database) -> None:
        self.database = database

    def states(self) -> dict[Status, int]:
        """How many jobs there are in each state, deleted ones left out."""
        query = (
            select(jobs.c.status, func.count())
            .where(jobs.c.deleted_at.is_(None))
            .group_by(jobs.c.status)
        )
        with self.database.read() as connection:
            found = {Status(status): count for status, count in connection.execute(query)}
        return {status: found.get(status, 0) for status in Status}

    def longest_wait(self) -> float:
        """Seconds since the oldest queued job was submitted; 0 if none is queued."""
        query = select(func.min(jobs.c.created_at)).where(jobs.c.status == Status.QUEUED)
        with self.database.read() as connection:
            oldest = connection.execute(query).scalar_one()
        return 0.0 if oldest is None else max(self.database.clock() - oldest, 0.0)

    def endings(self) -> list[Ending]:
        """How all jobs ended that ever did; deleted ones count, so that no figure falls."""
        problem = func.coalesce(jobs.c.error["type"].as_string(), "")
        columns = jobs.c.method_name, jobs.c.status, problem
        query = select(*columns, func.count()).where(jobs.c.status.in_(TERMINAL)).group_by(*columns)
        with self.database.read() as connection:
            found = connection.execute(query).all()
        return [
            Ending(method, status, kind.rpartition("/")[2], count)
            for method, status, kind, count in found
        ]
