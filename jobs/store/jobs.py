"""SQL of jobs as their owner sees them: submit, read, list, cancel, delete."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, case, insert, literal, select, update

from jobs import errors, ids, tracing
from jobs.records import JSON, Artifact, Job
from jobs.states import TERMINAL, Happening, Status
from jobs.store.database import Database
from jobs.store.events import forget, log
from jobs.store.idempotency import Once, remember
from jobs.store.needs import check_unused, hold, hold_origin
from jobs.store.quotas import Quotas
from jobs.store.tables import artifacts, datasets, jobs, members
from jobs.store.turns import position
from jobs.store.webhooks import Endpoint, drop, register

MOST = 1000
"""Rows that are looked at together."""


def record(row: RowMapping) -> Job:
    return Job.model_validate(dict(row))


def enqueue(
    connection: Connection, now: float, dataset_id: str, wishes: list[JSON], quotas: Quotas
) -> list[Job]:
    """Insert queued jobs, in the order of their ids.

    Raises:
        Gone: if the data set was deleted.
        QuotaExceeded: if the owner may have no more.
    """
    quotas.check_jobs(connection, wishes[0]["owner"], len(wishes))
    live = select(datasets.c.id).where(datasets.c.id == dataset_id, datasets.c.deleted_at.is_(None))
    if connection.execute(live.with_for_update()).one_or_none() is None:
        raise errors.Gone(f"The data set {dataset_id!r} has been deleted.")
    found = []
    for job_id, wish in zip(sorted(ids.new("job") for _ in wishes), wishes, strict=True):
        values = wish | {
            "id": job_id,
            "dataset_id": dataset_id,
            "method_name": wish["method"]["method"],
            "status": Status.QUEUED,
            "created_at": now,
            "trace": tracing.current(),
        }
        row = connection.execute(insert(jobs).values(values).returning(jobs)).mappings().one()
        log(connection, now, job_id, Happening.SUBMITTED)
        found.append(record(row))
    return found


def _join(connection: Connection, job_id: str, resumed_from: str) -> None:
    """A job that goes on for a comparison's takes that one's place."""
    place = select(literal(job_id), members.c.comparison_id, members.c.place)
    connection.execute(
        insert(members).from_select(
            ["job_id", "comparison_id", "place"], place.where(members.c.job_id == resumed_from)
        )
    )


class Jobs:
    def __init__(self, database: Database, quotas: Quotas | None = None) -> None:
        self.database = database
        self.quotas = quotas or Quotas()

    def submit(
        self,
        *,
        dataset_id: str,
        once: Once | None = None,
        webhook: Endpoint | None = None,
        **wish: Any,
    ) -> Job:
        """Insert a queued job.

        Args:
            dataset_id: of the images.
            once: what an equal request is known by.
            webhook: whom to tell of its end.
            wish: owner, request and method of the job, and, if there are any, its metadata,
                notices, priority, max_seconds, the job that it was resumed from and the one with
                whose model it predicts.

        Raises:
            Gone: if the data set, the model's job or the resumed one was deleted meanwhile.
            QuotaExceeded: if the owner may have no more.
        """
        now, wish = self.database.clock(), {"metadata": {}, "notices": []} | wish
        with self.database.write() as connection:
            if wish.get("predicts") is not None:
                hold(connection, wish["predicts"])
            if wish.get("resumed_from") is not None:
                hold_origin(connection, wish["resumed_from"])
            (job,) = enqueue(connection, now, dataset_id, [wish], self.quotas)
            if once is not None:
                remember(connection, now, once, job.id)
            if webhook is not None:
                register(connection, job.id, webhook)
            if job.resumed_from is not None:
                _join(connection, job.id, job.resumed_from)
        return job

    def sending(self, job_id: str) -> None:
        """Note that a message with the job's id is about to go into the queue."""
        with self.database.write() as connection:
            connection.execute(
                update(jobs).where(jobs.c.id == job_id).values(sent_at=self.database.clock())
            )

    def get(self, job_id: str, owner: str) -> Job:
        """Raises NotFound, or Gone after a deletion."""
        query = select(jobs).where(jobs.c.id == job_id, jobs.c.owner == owner)
        with self.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise errors.NotFound(f"There is no job {job_id!r}.")
        if row["deleted_at"] is not None:
            raise errors.Gone(f"The job {job_id!r} has been deleted.")
        return record(row)

    def page(
        self,
        owner: str,
        limit: int,
        *,
        after: str | None = None,
        status: Status | None = None,
        dataset_id: str | None = None,
        method: str | None = None,
        predicts: str | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> list[Job]:
        """Newest first, those older than the id ``after``; ``metadata`` must all be there."""
        query = select(jobs).where(jobs.c.owner == owner, jobs.c.deleted_at.is_(None))
        wanted = {
            jobs.c.status: status,
            jobs.c.dataset_id: dataset_id,
            jobs.c.method_name: method,
            jobs.c.predicts: predicts,
        }
        for column, value in wanted.items():
            if value is not None:
                query = query.where(column == value)
        for name, text in metadata:
            query = query.where(jobs.c.metadata[name].as_string() == text)
        if after is not None:
            query = query.where(jobs.c.id < after)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(jobs.c.id.desc()).limit(limit))
            return [record(row) for row in rows.mappings()]

    def queue_position(self, job: Job) -> int | None:
        """1 for the next job to start; None for a job that is not queued."""
        if job.status is not Status.QUEUED:
            return None
        with self.database.read() as connection:
            return position(connection, job)

    def cancel(self, job_id: str, owner: str) -> Job:
        """A queued job is cancelled at once, a running one asked to stop; a finished one stays."""
        self.get(job_id, owner)
        now = self.database.clock()
        moved = case(
            (jobs.c.status == Status.QUEUED, Status.CANCELLED.value),
            else_=Status.CANCELLING.value,
        )
        finished = case((jobs.c.status == Status.QUEUED, now), else_=None)
        change = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.status.in_([Status.QUEUED, Status.RUNNING]))
            .values(status=moved, finished_at=finished)
            .returning(jobs.c.status)
        )
        with self.database.write() as connection:
            status = connection.execute(change).scalar_one_or_none()
            if status is not None:
                log(connection, now, job_id, status)
        return self.get(job_id, owner)

    def delete(self, job_id: str, owner: str) -> None:
        """Leave a tombstone of a finished job.

        Raises:
            Conflict: for one that is not finished, or whose model or checkpoint is needed.
        """
        self.get(job_id, owner)
        change = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.status.in_(TERMINAL))
            .values(deleted_at=self.database.clock())
        )
        with self.database.write() as connection:
            check_unused(connection, [job_id])
            if connection.execute(change).rowcount == 0:
                raise errors.Conflict("The job is not finished: cancel it first.")
            connection.execute(artifacts.delete().where(artifacts.c.job_id == job_id))
            drop(connection, job_id)
            forget(connection, [job_id])

    def artifacts(self, job_id: str, kind: str | None = None) -> list[Artifact]:
        query = select(artifacts).where(artifacts.c.job_id == job_id).order_by(artifacts.c.name)
        if kind is not None:
            query = query.where(artifacts.c.kind == kind)
        with self.database.read() as connection:
            rows = connection.execute(query).mappings()
            return [Artifact.model_validate(dict(row)) for row in rows]

    def ended(self, age: float) -> list[Job]:
        """Those that were over ``age`` seconds ago, oldest first, at most ``MOST``."""
        query = (
            select(jobs)
            .where(
                jobs.c.finished_at < self.database.clock() - age,
                jobs.c.deleted_at.is_(None),
                jobs.c.status.in_(TERMINAL),
            )
            .order_by(jobs.c.finished_at)
            .limit(MOST)
        )
        with self.database.read() as connection:
            return [record(row) for row in connection.execute(query).mappings()]

    def live_ids(self) -> set[str]:
        with self.database.read() as connection:
            query = select(jobs.c.id).where(jobs.c.deleted_at.is_(None))
            return set(connection.execute(query).scalars())
