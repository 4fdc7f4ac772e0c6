"""Jobs: submit, list, read, events, cancel, resume, delete."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from app import errors
from app.answering import ACCEPTED, accepted, page, retry_after, view
from app.context import Current
from app.documentation import Responses, problems
from app.idempotency import IdempotencyKey, once
from app.negotiation import choose_format
from app.pages import Cursor, Limit, decode, decode_number, encode
from app.requests import MAX_METADATA, Identifier, IdPath, JobRequest, Pair, Word
from app.schemas import Deleted, EventPage, JobPage, JobView
from app.submission import REFUSALS, endpoint, resolve
from app.views import event_view
from jobs.errors import (
    Conflict,
    Gone,
    IdempotencyKeyReused,
    JobInUse,
    NotFound,
    QuotaExceeded,
)
from jobs.records import Job
from jobs.states import Happening, Status

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

RESUMABLE = frozenset({Status.FAILED, Status.CANCELLED})
EVENT_FORMATS = {"application/json": "json", "text/event-stream": "stream"}
EVENTS: Responses = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
    204: {"description": "The job is over, and everything was told."},
}
MAX_ID = 2**63 - 1
OVER: Responses = {200: {"description": "The job is over.", "model": JobView}}
OBJECT = (NotFound, Gone, errors.InvalidRequest)


@router.post(
    "",
    status_code=202,
    operation_id="submit_job",
    summary="Cluster a data set",
    responses=ACCEPTED | problems(*REFUSALS, IdempotencyKeyReused, unsafe=True),
)
def submit(
    body: JobRequest, context: Current, response: Response, idempotency_key: IdempotencyKey = None
) -> JobView:
    """The job is stored before it is queued; with the queue down it is sent later."""
    one = once(context.owner, idempotency_key, "submit_job", body)

    def make() -> Job:
        dataset = context.store.datasets.get(body.dataset_id, context.owner)
        method, needs_bytes = resolve(body, dataset, context.settings.max_job_bytes)
        webhook = endpoint(body, context.settings)
        return context.store.jobs.submit(
            owner=context.owner,
            dataset_id=dataset.id,
            request=body.as_sent(),
            method=method.model_dump(mode="json"),
            metadata=body.metadata,
            notices=[notice.model_dump() for notice in dataset.notices],
            priority=body.priority,
            needs_bytes=needs_bytes,
            device=body.device,
            max_seconds=body.max_seconds,
            webhook=webhook,
            once=one,
        )

    return accepted(context, one, make, response)


@router.get(
    "",
    operation_id="list_jobs",
    summary="Jobs, newest first",
    responses=problems(errors.InvalidRequest, errors.InvalidCursor),
)
def jobs(
    context: Current,
    *,
    limit: Limit = 20,
    cursor: Cursor = None,
    status: Status | None = None,
    dataset_id: Annotated[Identifier | None, Query()] = None,
    method: Annotated[Word | None, Query()] = None,
    metadata: Annotated[
        list[Pair], Query(max_length=MAX_METADATA, description="name=text, for each that must be.")
    ] = [],  # noqa: B006 - FastAPI's way to say none
) -> JobPage:
    found = context.store.jobs.page(
        context.owner,
        limit + 1,
        after=decode(cursor),
        status=status,
        dataset_id=dataset_id,
        method=method,
        metadata=[(name, text) for name, _, text in (pair.partition("=") for pair in metadata)],
    )
    return page(context, found, limit)


@router.get(
    "/{job_id}", operation_id="get_job", summary="Where a job is", responses=problems(*OBJECT)
)
def job(job_id: IdPath, context: Current, response: Response) -> JobView:
    """While the job is not finished, Retry-After says when to look again."""
    found = context.store.jobs.get(job_id, context.owner)
    retry_after(found, response)
    return view(context, found)


@router.get(
    "/{job_id}/events",
    operation_id="list_events",
    summary="The log of a job, oldest first, or a stream of it as it grows",
    response_model=EventPage,
    responses=EVENTS
    | problems(*OBJECT, errors.InvalidCursor, errors.NotAcceptable, errors.TooManyStreams),
)
def events(
    job_id: IdPath,
    request: Request,
    context: Current,
    *,
    kind: Annotated[list[Happening], Query(description="These alone.")] = [],  # noqa: B006 - as above
    limit: Limit = 100,
    cursor: Cursor = None,
    last_event_id: Annotated[
        int | None,
        Header(
            alias="Last-Event-ID", ge=0, le=MAX_ID, description="The stream goes on after this one."
        ),
    ] = None,
) -> EventPage | Response:
    """With ``Accept: text/event-stream`` server-sent events, until the job is over.

    A stream goes on where the last one broke off when Last-Event-ID says where that was; when there
    is nothing left to tell the answer is 204. After an id that the log does not reach it tells all.
    """
    job = context.store.jobs.get(job_id, context.owner)
    after = decode_number(cursor)
    if choose_format(request.headers.get("accept"), None, EVENT_FORMATS) == "json":
        found = context.store.events.of(job_id, after, limit + 1, kind)
        more = len(found) > limit
        return EventPage(
            items=[event_view(event) for event in found[:limit]],
            next_cursor=encode(found[limit - 1].id) if more else None,
        )
    after = after if last_event_id is None else last_event_id
    after = context.store.events.known(job_id, after)
    if job.status.terminal and not context.store.events.of(job_id, after, 1):
        return Response(status_code=204)
    return context.streams.response(job_id, after, kind)


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    operation_id="cancel_job",
    summary="Stop a job",
    responses=OVER | problems(*OBJECT, unsafe=True),
)
def cancel(job_id: IdPath, context: Current, response: Response) -> JobView:
    """Idempotent: a queued job ends at once, a running one soon, a finished one stays as it is."""
    found = context.store.jobs.cancel(job_id, context.owner)
    response.status_code = 200 if found.status.terminal else 202
    retry_after(found, response)
    return view(context, found)


@router.post(
    "/{job_id}/resume",
    status_code=202,
    operation_id="resume_job",
    summary="Go on with a failed or cancelled job",
    responses=ACCEPTED
    | problems(*OBJECT, errors.NotResumable, IdempotencyKeyReused, QuotaExceeded, unsafe=True),
)
def resume(
    job_id: IdPath, context: Current, response: Response, idempotency_key: IdempotencyKey = None
) -> JobView:
    """A new job with the same request, from the last checkpoint if there is one."""
    one = once(context.owner, idempotency_key, f"resume_job {job_id}")

    def make() -> Job:
        old = context.store.jobs.get(job_id, context.owner)
        if old.status not in RESUMABLE:
            raise errors.NotResumable(f"The job is {old.status}.", job_status=old.status)
        return context.store.jobs.submit(
            owner=context.owner,
            dataset_id=old.dataset_id,
            request=old.request,
            method=old.method,
            metadata=old.metadata,
            notices=[notice.model_dump() for notice in old.notices],
            priority=old.priority,
            needs_bytes=old.needs_bytes,
            device=old.device,
            max_seconds=old.max_seconds,
            resumed_from=old.id,
            predicts=old.predicts,
            webhook=context.store.webhooks.endpoint(old.id),
            once=one,
        )

    return accepted(context, one, make, response)


@router.delete(
    "/{job_id}",
    operation_id="delete_job",
    summary="Delete a finished job and its files",
    responses=problems(*OBJECT, Conflict, JobInUse, unsafe=True),
)
def delete(job_id: IdPath, context: Current) -> Deleted:
    context.store.jobs.delete(job_id, context.owner)
    return Deleted(id=job_id, bytes_freed=context.artifacts.delete(f"jobs/{job_id}"))
