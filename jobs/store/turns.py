"""Whose turn it is: owners take turns, and each says which of its own jobs comes first."""

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, true

from jobs.records import Capacity, Job
from jobs.states import ACTIVE, Status
from jobs.store.tables import jobs

ANY = Capacity()


def fitting(capacity: Capacity) -> ColumnElement[bool]:
    """Whether a job's row suits a worker: ``Capacity.holds`` in SQL."""
    conditions: list[ColumnElement[bool]] = []
    if capacity.device is not None:
        conditions.append(or_(jobs.c.device.is_(None), jobs.c.device == capacity.device))
    if capacity.memory_bytes is not None:
        enough = jobs.c.needs_bytes <= capacity.memory_bytes
        conditions.append(or_(jobs.c.needs_bytes.is_(None), enough))
    return and_(true(), *conditions)


def next_job(connection: Connection, capacity: Capacity = ANY) -> str | None:
    """The queued job that shall run next on a worker, locked where the engine locks rows.

    It is of the owner with the fewest running jobs, and of these the one who got a worker longest
    ago, so that nobody's hundred jobs keep another's one waiting; of this owner's the one with the
    highest priority, and of these the oldest.
    """
    running = func.sum(case((jobs.c.status.in_(ACTIVE), 1), else_=0)).label("running")
    served = func.coalesce(func.max(jobs.c.started_at), 0).label("served")
    owners = select(jobs.c.owner, running, served).group_by(jobs.c.owner).subquery()
    query = (
        select(jobs.c.id)
        .join(owners, owners.c.owner == jobs.c.owner)
        .where(jobs.c.status == Status.QUEUED, fitting(capacity))
        .order_by(owners.c.running, owners.c.served, jobs.c.priority.desc(), jobs.c.id)
        .limit(1)
        .with_for_update(of=jobs, skip_locked=True)
    )
    return connection.execute(query).scalar_one_or_none()


def position(connection: Connection, job: Job) -> int:
    """1 for the job that starts next; about right when several owners wait."""
    earlier = or_(
        jobs.c.priority > job.priority,
        and_(jobs.c.priority == job.priority, jobs.c.id <= job.id),
    )
    own = case((and_(jobs.c.owner == job.owner, ~earlier), 0), else_=1)
    query = (
        select(jobs.c.owner, func.sum(own))
        .where(jobs.c.status == Status.QUEUED)
        .group_by(jobs.c.owner)
    )
    waiting = {owner: int(count) for owner, count in connection.execute(query)}
    place = max(waiting.pop(job.owner, 0), 1)
    return place + sum(min(count, place) for count in waiting.values())
