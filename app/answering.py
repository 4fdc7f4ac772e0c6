"""Answers about jobs, as several routes give them: one, a page of them, one that was just made."""

from collections.abc import Callable, Sequence
from functools import partial

from fastapi import Response

from app.context import Context
from app.documentation import made
from app.pages import encode
from app.schemas import JobPage, JobView
from app.views import job_view
from jobs.dispatch import dispatch
from jobs.errors import BrokerUnavailable
from jobs.records import Job, Notice
from jobs.states import Status
from jobs.store.idempotency import Once

DAY = 86400.0
POLL_SECONDS = {Status.QUEUED: 2, Status.RUNNING: 1, Status.CANCELLING: 1}
LINKED = (
    "get_job",
    "list_events",
    "cancel_job",
    "resume_job",
    "delete_job",
    "get_labels",
    "get_affinity",
    "get_spectrum",
    "list_checkpoints",
    "list_artifacts",
    "list_predictions",
)
ACCEPTED = made(202, what="The job.", links=dict.fromkeys(LINKED, "job_id"))


def view(context: Context, job: Job) -> JobView:
    return _views(context, [job])[0]


def page(context: Context, found: Sequence[Job], limit: int) -> JobPage:
    """Of jobs that were looked for with one more than ``limit``."""
    views = _views(context, found[:limit])
    return JobPage(items=views, next_cursor=encode(views[-1].id) if len(found) > limit else None)


def _views(context: Context, found: Sequence[Job]) -> list[JobView]:
    workers = context.store.workers.alive(DAY)
    webhooks = context.store.webhooks.of(job.id for job in found)
    since = context.store.database.clock() - context.settings.lease_seconds
    return [
        job_view(
            job,
            position=context.store.jobs.queue_position(job),
            alive=[worker for worker in workers if worker.seen_at >= since],
            seen=next((worker for worker in workers if worker.name == job.worker), None),
            webhook=webhooks.get(job.id),
        )
        for job in found
    ]


def accepted(
    context: Context, one: Once | None, make: Callable[[], Job], response: Response
) -> JobView:
    """The job of an equal request before, or a new one, sent."""
    get = partial(context.store.jobs.get, owner=context.owner)
    job, new = context.store.idempotency_keys.made(one, make, get)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    retry_after(job, response)
    return _sent(context, job) if new else view(context, job)


def _sent(context: Context, job: Job) -> JobView:
    """Send the committed job; without a broker it stays for the workers' reaper to send."""
    try:
        dispatch(context.store, context.queue, job)
    except BrokerUnavailable as error:
        notice = Notice(
            code="broker-unavailable", detail=f"{error.detail} The job is kept and sent later."
        )
        return view(context, job.model_copy(update={"notices": [*job.notices, notice]}))
    return view(context, job)


def retry_after(job: Job, response: Response) -> None:
    """When to look again, while the job is not finished."""
    if job.status in POLL_SECONDS:
        response.headers["Retry-After"] = str(POLL_SECONDS[job.status])
