"""SQL of comparisons: rows beside the jobs that they have started."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, case, delete, exists, insert, select, update

from jobs import errors, ids
from jobs.records import JSON, Comparison, Job
from jobs.states import UNFINISHED, Status
from jobs.store.database import Database
from jobs.store.events import forget
from jobs.store.idempotency import Once, remember
from jobs.store.jobs import enqueue, record
from jobs.store.needs import check_unused
from jobs.store.quotas import Quotas
from jobs.store.tables import artifacts, comparisons, jobs, members

Places = dict[int, Job]
"""The job at each place of a comparison; one whose jobs were all deleted is missing."""


class Comparisons:
    def __init__(self, database: Database, quotas: Quotas | None = None) -> None:
        self.database = database
        self.quotas = quotas or Quotas()

    def submit(
        self,
        *,
        dataset_id: str,
        wishes: dict[int, JSON],
        once: Once | None = None,
        **fields: Any,
    ) -> tuple[Comparison, Places]:
        """Insert a comparison and a queued job for each place, all of them or none.

        Args:
            dataset_id: of them all.
            wishes: owner, request, method, metadata, notices, max_seconds of the job at each
                place, in the order in which they shall start.
            once: what an equal request is known by.
            fields: the comparison's owner, name, request, metadata and notices.

        Raises:
            Gone: if the data set was deleted meanwhile.
            QuotaExceeded: if the owner may have no more.
        """
        now = self.database.clock()
        values = {"id": ids.new("cmp"), "dataset_id": dataset_id, "created_at": now, **fields}
        with self.database.write() as connection:
            made = enqueue(connection, now, dataset_id, list(wishes.values()), self.quotas)
            change = insert(comparisons).values(values).returning(comparisons)
            row = connection.execute(change).mappings().one()
            places = dict(zip(wishes, made, strict=True))
            rows = [
                {"job_id": job.id, "comparison_id": row["id"], "place": place}
                for place, job in places.items()
            ]
            connection.execute(insert(members), rows)
            if once is not None:
                remember(connection, now, once, row["id"])
        return _record(row), places

    def get(self, comparison_id: str, owner: str) -> Comparison:
        """Raises NotFound, or Gone after a deletion."""
        query = select(comparisons).where(
            comparisons.c.id == comparison_id, comparisons.c.owner == owner
        )
        with self.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise errors.NotFound(f"There is no comparison {comparison_id!r}.")
        if row["deleted_at"] is not None:
            raise errors.Gone(f"The comparison {comparison_id!r} has been deleted.")
        return _record(row)

    def page(self, owner: str, limit: int, after: str | None = None) -> list[Comparison]:
        """Newest first, those older than the id ``after``."""
        query = select(comparisons).where(
            comparisons.c.owner == owner, comparisons.c.deleted_at.is_(None)
        )
        if after is not None:
            query = query.where(comparisons.c.id < after)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(comparisons.c.id.desc()).limit(limit))
            return [_record(row) for row in rows.mappings()]

    def places(self, comparison_ids: Sequence[str]) -> dict[str, Places]:
        """Of each comparison its jobs by place: the newest one that was not deleted."""
        query = (
            select(members.c.comparison_id, members.c.place, jobs)
            .join(jobs, jobs.c.id == members.c.job_id)
            .where(members.c.comparison_id.in_(comparison_ids), jobs.c.deleted_at.is_(None))
            .order_by(members.c.place, jobs.c.id)
        )
        found: dict[str, Places] = {comparison_id: {} for comparison_id in comparison_ids}
        with self.database.read() as connection:
            for row in connection.execute(query).mappings():
                found[row["comparison_id"]][row["place"]] = record(row)
        return found

    def unfinished(self, comparison_id: str) -> list[str]:
        """All jobs that are not over, also those that do not count; the queued ones first."""
        waits = case((jobs.c.status == Status.QUEUED, 0), else_=1)
        query = (
            select(jobs.c.id)
            .join(members, members.c.job_id == jobs.c.id)
            .where(members.c.comparison_id == comparison_id, jobs.c.status.in_(UNFINISHED))
            .order_by(waits, jobs.c.id)
        )
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def empty(self, age: float) -> list[Comparison]:
        """Those made ``age`` seconds ago whose jobs were all deleted."""
        left = exists().where(
            members.c.comparison_id == comparisons.c.id,
            members.c.job_id == jobs.c.id,
            jobs.c.deleted_at.is_(None),
        )
        query = select(comparisons).where(
            comparisons.c.created_at < self.database.clock() - age,
            comparisons.c.deleted_at.is_(None),
            ~left,
        )
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def delete(self, comparison_id: str, owner: str) -> list[str]:
        """Leave tombstones of a comparison and of all its jobs; returns the ids of those.

        Raises:
            Conflict: while one of them is not finished, or its model or checkpoint is needed.
        """
        self.get(comparison_id, owner)
        own = select(members.c.job_id).where(members.c.comparison_id == comparison_id)
        live = select(jobs.c.id, jobs.c.status).where(
            jobs.c.id.in_(own), jobs.c.deleted_at.is_(None)
        )
        row = select(comparisons.c.id).where(comparisons.c.id == comparison_id)
        with self.database.write() as connection:
            # a job that goes on for one of these has joined before, or finds that one deleted
            connection.execute(row.with_for_update())
            found = connection.execute(live).all()
            if count := sum(status in UNFINISHED for _, status in found):
                raise errors.Conflict(f"{count} of its jobs are not finished: cancel it first.")
            gone = [job_id for job_id, _ in found]
            check_unused(connection, gone)
            _bury(connection, comparison_id, gone, self.database.clock())
        return gone


def _bury(connection: Connection, comparison_id: str, job_ids: list[str], now: float) -> None:
    """Tombstones of a comparison and of jobs, whose files and logs are kept no longer."""
    for table, own in ((jobs, job_ids), (comparisons, [comparison_id])):
        connection.execute(update(table).where(table.c.id.in_(own)).values(deleted_at=now))
    connection.execute(delete(artifacts).where(artifacts.c.job_id.in_(job_ids)))
    forget(connection, job_ids)


def _record(row: RowMapping) -> Comparison:
    return Comparison.model_validate(dict(row))
