"""SQL of a job as its worker sees it. Every write is fenced by the attempt's number."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from jobs import errors
from jobs.records import JSON, Artifact, Capacity, Claim, Dataset, Job, Progress
from jobs.states import ACTIVE, Happening, Status, before
from jobs.store.database import Database
from jobs.store.events import log, log_progress
from jobs.store.jobs import record
from jobs.store.tables import artifacts, datasets, jobs
from jobs.store.turns import ANY, fitting, next_job

CHECKPOINT = "checkpoint"


class Attempts:
    def __init__(self, database: Database, *, lease_seconds: float, max_failures: int) -> None:
        self.database = database
        self.lease_seconds = lease_seconds
        self.max_failures = max_failures

    def claim_next(self, worker: str, capacity: Capacity = ANY) -> Claim | None:
        """Take the job whose turn it is, of those that the worker can hold.

        None if none is queued: a message too many is harmless.
        """
        with self.database.write() as connection:
            job_id = next_job(connection, capacity)
            return None if job_id is None else self._claim(connection, job_id, worker)

    def claim(self, job_id: str, worker: str) -> Claim | None:
        """Take this job out of turn; None if it is no longer queued."""
        with self.database.write() as connection:
            return self._claim(connection, job_id, worker)

    def _claim(self, connection: Connection, job_id: str, worker: str) -> Claim | None:
        now = self.database.clock()
        change = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.status.in_(before(Status.RUNNING)))
            .values(
                status=Status.RUNNING,
                attempt=jobs.c.attempt + 1,
                worker=worker,
                lease_until=now + self.lease_seconds,
                started_at=now,
            )
            .returning(jobs)
        )
        row = connection.execute(change).mappings().one_or_none()
        if row is None:
            return None
        job = record(row)
        log(connection, now, job_id, Happening.CLAIMED, attempt=job.attempt, worker=worker)
        dataset = connection.execute(select(datasets).where(datasets.c.id == job.dataset_id))
        return Claim(
            job=job,
            dataset=Dataset.model_validate(dict(dataset.mappings().one())),
            checkpoint=_checkpoint(connection, job),
            model=_model(connection, job),
        )

    def heartbeat(self, job_id: str, attempt: int, progress: Progress | None) -> Status | None:
        """Renew the lease and show progress; the job's status, or None if the attempt is over."""
        now = self.database.clock()
        values: JSON = {"lease_until": now + self.lease_seconds}
        if progress is not None:
            values["progress"] = progress.model_dump(mode="json")
        change = update(jobs).where(_mine(job_id, attempt)).values(values).returning(jobs.c.status)
        with self.database.write() as connection:
            status = connection.execute(change).scalar_one_or_none()
            if status is not None and progress is not None:
                log_progress(connection, now, job_id, progress)
        return None if status is None else Status(status)

    def save_checkpoint(self, job_id: str, attempt: int, files: list[Artifact]) -> bool:
        """Make ``files`` the job's checkpoint; False if the attempt is over."""
        with self.database.write() as connection:
            if not _still_mine(connection, job_id, attempt):
                return False
            _replace(connection, job_id, files, kinds=[CHECKPOINT])
            return True

    def succeed(
        self,
        job_id: str,
        attempt: int,
        result: JSON,
        notices: list[JSON],
        files: list[Artifact],
        method: JSON | None = None,
    ) -> bool:
        """Publish: files and row become the job's results in one transaction.

        ``method``: the hyperparameters as they were used, if some were left to the worker.

        True also if they had become so before: of a lost connection it is not known whether what
        it last said was done, and the caller says it again.
        """
        now = self.database.clock()
        values: JSON = {"result": result, "notices": notices}
        values |= {} if method is None else {"method": method}
        with self.database.write() as connection:
            mine = _mine(job_id, attempt)
            if not _finish(connection, mine, Status.SUCCEEDED, now, values):
                return _has_succeeded(connection, job_id, attempt)
            _replace(connection, job_id, files, kinds=None)
            log(connection, now, job_id, Status.SUCCEEDED)
            return True

    def fail(self, job_id: str, attempt: int, error: errors.DomainError) -> bool:
        now = self.database.clock()
        with self.database.write() as connection:
            mine, values = _mine(job_id, attempt), {"error": error.problem()}
            if not _finish(connection, mine, Status.FAILED, now, values):
                return False
            log(connection, now, job_id, Status.FAILED, error=error.slug())
            return True

    def cancelled(self, job_id: str, attempt: int) -> bool:
        now = self.database.clock()
        with self.database.write() as connection:
            if not _finish(connection, _mine(job_id, attempt), Status.CANCELLED, now, {}):
                return False
            log(connection, now, job_id, Status.CANCELLED)
            return True

    def release(self, job_id: str, attempt: int, why: str, *, thrifty: bool = False) -> bool:
        """Put a job back into the queue, unharmed: its worker shuts down, or had too little memory.

        ``thrifty``: it shall take less from now on.
        """
        now = self.database.clock()
        values = {"thrifty": True} if thrifty else {}
        with self.database.write() as connection:
            mine = _mine(job_id, attempt)
            return _requeue(connection, mine, now, why=why, **values) is not None

    def lost(self, job_id: str, attempt: int, error: errors.DomainError) -> bool:
        """Count a failed attempt: back into the queue, or failed once too many were lost."""
        now = self.database.clock()
        with self.database.write() as connection:
            return self._lost(connection, _mine(job_id, attempt), now, error)

    def expire(self) -> list[str]:
        """Handle every running job whose lease has passed; returns those that were touched.

        A lease that ends later than any that could be given now is of before the clock was set
        back; a worker that is alive has renewed it.
        """
        now = self.database.clock()
        over = or_(jobs.c.lease_until < now, jobs.c.lease_until > now + 2 * self.lease_seconds)
        stale = and_(jobs.c.status.in_(ACTIVE), over)
        with self.database.write() as connection:
            found = connection.execute(
                select(jobs.c.id, jobs.c.attempt, jobs.c.worker).where(stale)
            ).all()
            touched = []
            for job_id, attempt, worker in found:
                error = errors.AttemptsExhausted(
                    f"The worker {worker} fell silent while it ran attempt {attempt}."
                )
                condition = and_(_mine(job_id, attempt), over)
                if self._lost(connection, condition, now, error):
                    touched.append(job_id)
            return touched

    def unsent(self, older_than: float, capacity: Capacity = ANY) -> list[str]:
        """Queued jobs, oldest first, whose last message (if any) is older than so many seconds.

        Of those alone that a worker can hold.

        One of the future is of before the clock was set back, and may be of any age.
        """
        now = self.database.clock()
        limit, last = now - older_than, func.coalesce(jobs.c.sent_at, jobs.c.created_at)
        query = (
            select(jobs.c.id)
            .where(jobs.c.status == Status.QUEUED)
            .where(or_(last < limit, last > now), fitting(capacity))
            .order_by(jobs.c.id)
        )
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def queued(self, job_id: str) -> Job | None:
        """The job, if it waits."""
        query = select(jobs).where(jobs.c.id == job_id, jobs.c.status == Status.QUEUED)
        with self.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else record(row)

    def active(self) -> set[tuple[str, int]]:
        """Job and number of every attempt under way."""
        query = select(jobs.c.id, jobs.c.attempt).where(jobs.c.status.in_(ACTIVE))
        with self.database.read() as connection:
            return {(row.id, row.attempt) for row in connection.execute(query)}

    def _lost(
        self,
        connection: Connection,
        condition: ColumnElement[bool],
        now: float,
        error: errors.DomainError,
    ) -> bool:
        row = connection.execute(
            select(jobs.c.id, jobs.c.status, jobs.c.failures).where(condition)
        ).one_or_none()
        if row is None:
            return False
        if row.status == Status.CANCELLING:
            done = _finish(connection, condition, Status.CANCELLED, now, {})
            if done:
                log(connection, now, row.id, Status.CANCELLED)
            return done
        failures = row.failures + 1
        if failures < self.max_failures:
            return (
                _requeue(connection, condition, now, why=error.slug(), failures=failures)
                is not None
            )
        final = {"error": error.problem() | {"attempts": failures}, "failures": failures}
        done = _finish(connection, condition, Status.FAILED, now, final)
        if done:
            log(connection, now, row.id, Status.FAILED, error=error.slug())
        return done


def _mine(job_id: str, attempt: int) -> ColumnElement[bool]:
    return and_(jobs.c.id == job_id, jobs.c.attempt == attempt, jobs.c.status.in_(ACTIVE))


def _still_mine(connection: Connection, job_id: str, attempt: int) -> bool:
    query = select(jobs.c.id).where(_mine(job_id, attempt)).with_for_update()
    return connection.execute(query).one_or_none() is not None


def _finish(
    connection: Connection,
    condition: ColumnElement[bool],
    target: Status,
    now: float,
    values: dict[str, Any],
) -> bool:
    change: Update = (
        update(jobs)
        .where(condition, jobs.c.status.in_(before(target)))
        .values(status=target, finished_at=now, lease_until=None, **_used(now), **values)
    )
    return connection.execute(change).rowcount == 1


def _has_succeeded(connection: Connection, job_id: str, attempt: int) -> bool:
    query = select(jobs.c.id).where(
        jobs.c.id == job_id, jobs.c.attempt == attempt, jobs.c.status == Status.SUCCEEDED
    )
    return connection.execute(query).one_or_none() is not None


def _requeue(
    connection: Connection, condition: ColumnElement[bool], now: float, *, why: str, **values: Any
) -> str | None:
    change = (
        update(jobs)
        .where(condition, jobs.c.status.in_(before(Status.QUEUED)))
        .values(status=Status.QUEUED, lease_until=None, sent_at=None, **_used(now), **values)
        .returning(jobs.c.id)
    )
    job_id = connection.execute(change).scalar_one_or_none()
    if job_id is not None:
        log(connection, now, job_id, Happening.REQUEUED, why=why)
    return job_id


def _used(now: float) -> dict[str, Any]:
    """No less than before, though the clock was set back meanwhile."""
    passed = case((jobs.c.started_at < now, now - jobs.c.started_at), else_=0.0)
    return {"seconds_used": jobs.c.seconds_used + passed}


def _model(connection: Connection, job: Job) -> list[Artifact]:
    """The files of the job that this one predicts with."""
    if job.predicts is None:
        return []
    rows = connection.execute(select(artifacts).where(artifacts.c.job_id == job.predicts))
    return [Artifact.model_validate(dict(row)) for row in rows.mappings()]


def _checkpoint(connection: Connection, job: Job) -> list[Artifact]:
    """The job's own last checkpoint, else the nearest of those that it was resumed from."""
    job_id: str | None = job.id
    while job_id is not None:
        query = select(artifacts).where(
            artifacts.c.job_id == job_id, artifacts.c.kind == CHECKPOINT
        )
        rows = connection.execute(query).mappings().all()
        if rows:
            return [Artifact.model_validate(dict(row)) for row in rows]
        origin = select(jobs.c.resumed_from).where(jobs.c.id == job_id)
        job_id = connection.execute(origin).scalar_one()
    return []


def _replace(
    connection: Connection, job_id: str, files: list[Artifact], kinds: list[str] | None
) -> None:
    old = delete(artifacts).where(artifacts.c.job_id == job_id)
    connection.execute(old if kinds is None else old.where(artifacts.c.kind.in_(kinds)))
    rows = [{"job_id": job_id, **file.model_dump()} for file in files]
    if rows:
        connection.execute(insert(artifacts), rows)
