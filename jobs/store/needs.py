"""SQL of what unfinished jobs need of finished ones: a model, or a checkpoint to go on from."""

from collections.abc import Sequence

from sqlalchemy import CTE, ColumnElement, Connection, and_, func, or_, select

from jobs import errors
from jobs.states import UNFINISHED
from jobs.store.tables import comparisons, jobs, members


def hold(connection: Connection, job_id: str) -> None:
    """Keep a job from being deleted until this is committed. Raises Gone if it was."""
    live = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.deleted_at.is_(None))
    if connection.execute(live.with_for_update()).one_or_none() is None:
        raise errors.Gone(f"The job {job_id!r} has been deleted.")


def hold_origin(connection: Connection, job_id: str) -> None:
    """Keep a job that is resumed, likewise, and those whose checkpoint it would have gone on from.

    Its comparison is locked first, as by whoever deletes that.
    """
    own = select(members.c.comparison_id).where(members.c.job_id == job_id)
    comparison = select(comparisons.c.id).where(comparisons.c.id.in_(own))
    connection.execute(comparison.with_for_update())
    hold(connection, job_id)
    earlier = select(_origins(jobs.c.id == job_id).c.origin)
    connection.execute(select(jobs.c.id).where(jobs.c.id.in_(earlier)).with_for_update())


def check_unused(connection: Connection, job_ids: Sequence[str]) -> None:
    """Raises JobInUse while a job that needs one of these is not finished."""
    connection.execute(select(jobs.c.id).where(jobs.c.id.in_(job_ids)).with_for_update())
    unfinished = jobs.c.status.in_(UNFINISHED)
    origins = _origins(unfinished)
    heirs = select(origins.c.heir).where(origins.c.origin.in_(job_ids))
    needing = or_(and_(jobs.c.predicts.in_(job_ids), unfinished), jobs.c.id.in_(heirs))
    count = connection.execute(select(func.count()).select_from(jobs).where(needing)).scalar_one()
    if count:
        raise errors.JobInUse(
            f"{count} unfinished job(s) predict with it or go on from it: cancel them first, "
            "or wait."
        )


def _origins(heirs: ColumnElement[bool]) -> CTE:
    """Pairs of a job and one that it was resumed from, directly or by way of others."""
    pairs = (
        select(jobs.c.id.label("heir"), jobs.c.resumed_from.label("origin"))
        .where(heirs, jobs.c.resumed_from.is_not(None))
        .cte("origins", recursive=True)
    )
    further = (
        select(pairs.c.heir, jobs.c.resumed_from)
        .join(jobs, jobs.c.id == pairs.c.origin)
        .where(jobs.c.resumed_from.is_not(None))
    )
    return pairs.union(further)
