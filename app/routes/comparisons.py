"""Comparisons: submit, list, read, cancel, delete; their ranking and its chart."""

from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from app import errors
from app.comparing import ranking as ranks
from app.comparing import views
from app.comparing.chart import draw
from app.comparing.requests import ComparisonRequest
from app.comparing.schemas import ComparisonPage, ComparisonView, Ranking
from app.comparing.submission import entrants, wishes
from app.context import Context, Current
from app.documentation import Responses, download, made, problems
from app.downloads import deliver, of_bytes
from app.idempotency import IdempotencyKey, once
from app.negotiation import choose_format
from app.pages import Cursor, Limit, decode, encode
from app.requests import IdPath
from app.routes.files import file_route
from app.schemas import Deleted
from app.submission import REFUSALS
from jobs.dispatch import dispatch
from jobs.errors import BrokerUnavailable, Conflict, Gone, IdempotencyKeyReused, NotFound
from jobs.records import Comparison, Job, Notice
from jobs.store.comparisons import Places

router = APIRouter(prefix="/v1/comparisons", tags=["comparisons"])

POLL_SECONDS = 2
LINKED = ("get_comparison", "get_ranking", "get_chart", "cancel_comparison", "delete_comparison")
ACCEPTED = made(
    202,
    what="The comparison.",
    links=dict.fromkeys(LINKED, "comparison_id"),
)
OVER: Responses = {200: {"description": "The comparison is over.", "model": ComparisonView}}
OBJECT = (NotFound, Gone, errors.InvalidRequest)
FILE = (*OBJECT, errors.RangeNotSatisfiable)
RANKED: Responses = {
    200: {
        "description": "The ranking.",
        "model": Ranking,
        "content": {"text/csv": {"schema": {"type": "string"}}},
    },
    206: {"description": "The part asked for in Range."},
    304: {"description": "Not changed since the ETag in If-None-Match."},
}


@router.post(
    "",
    status_code=202,
    operation_id="submit_comparison",
    summary="Compare methods on a data set",
    responses=ACCEPTED | problems(*REFUSALS, IdempotencyKeyReused, unsafe=True),
)
def submit(
    body: ComparisonRequest,
    context: Current,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> ComparisonView:
    """A job for each method and seed; all are stored, then queued, or none is."""
    one = once(context.owner, idempotency_key, "submit_comparison", body)

    def make() -> tuple[Comparison, Places]:
        dataset = context.store.datasets.get(body.dataset_id, context.owner)
        found = entrants(body, dataset, context.settings.max_job_bytes)
        notices = [notice for entrant in found for notice in entrant.notices]
        return context.store.comparisons.submit(
            dataset_id=dataset.id,
            wishes=wishes(found, body.seeds, context.owner, dataset),
            once=one,
            owner=context.owner,
            name=body.name or dataset.name,
            request=body.as_sent([entrant.request.as_sent()["method"] for entrant in found]),
            metadata=body.metadata,
            notices=[notice.model_dump() for notice in [*dataset.notices, *notices]],
        )

    def get(comparison_id: str) -> tuple[Comparison, Places]:
        return context.store.comparisons.get(comparison_id, context.owner), {}

    (comparison, places), _ = context.store.idempotency_keys.made(one, make, get)
    response.headers["Location"] = f"/v1/comparisons/{comparison.id}"
    said = [*comparison.notices, *_send(context, list(places.values()))]
    return _view(context, comparison.model_copy(update={"notices": said}), response)


def _send(context: Context, jobs: list[Job]) -> list[Notice]:
    """Queue the committed jobs; those left without a broker are sent by the workers' reaper."""
    try:
        for job in jobs:
            dispatch(context.store, context.queue, job)
    except BrokerUnavailable as error:
        detail = f"{error.detail} The jobs are kept and sent later."
        return [Notice(code="broker-unavailable", detail=detail)]
    return []


@router.get(
    "",
    operation_id="list_comparisons",
    summary="Comparisons, newest first",
    responses=problems(errors.InvalidRequest, errors.InvalidCursor),
)
def comparisons(context: Current, limit: Limit = 20, cursor: Cursor = None) -> ComparisonPage:
    found = context.store.comparisons.page(context.owner, limit + 1, decode(cursor))
    places = context.store.comparisons.places([comparison.id for comparison in found[:limit]])
    alive = _alive(context)
    return ComparisonPage(
        items=[views.summary(c, places[c.id], alive=alive) for c in found[:limit]],
        next_cursor=encode(found[limit - 1].id) if len(found) > limit else None,
    )


@router.get(
    "/{comparison_id}",
    operation_id="get_comparison",
    summary="Where a comparison and its jobs are",
    responses=problems(*OBJECT),
)
def comparison(comparison_id: IdPath, context: Current, response: Response) -> ComparisonView:
    """While a job is not finished, Retry-After says when to look again."""
    found = context.store.comparisons.get(comparison_id, context.owner)
    return _view(context, found, response)


@router.post(
    "/{comparison_id}/cancel",
    status_code=202,
    operation_id="cancel_comparison",
    summary="Stop all jobs of a comparison",
    responses=OVER | problems(*OBJECT, unsafe=True),
)
def cancel(comparison_id: IdPath, context: Current, response: Response) -> ComparisonView:
    """Idempotent: what is finished stays as it is. Queued jobs go first, so that none starts."""
    found = context.store.comparisons.get(comparison_id, context.owner)
    for job_id in context.store.comparisons.unfinished(found.id):
        with suppress(Gone):
            context.store.jobs.cancel(job_id, context.owner)
    view = _view(context, found, response)
    response.status_code = 200 if view.terminal else 202
    return view


@router.delete(
    "/{comparison_id}",
    operation_id="delete_comparison",
    summary="Delete a finished comparison, its jobs and their files",
    responses=problems(*OBJECT, Conflict, unsafe=True),
)
def delete(comparison_id: IdPath, context: Current) -> Deleted:
    """Also the jobs that were resumed by others."""
    gone = context.store.comparisons.delete(comparison_id, context.owner)
    freed = sum(context.artifacts.delete(f"jobs/{job_id}") for job_id in gone)
    return Deleted(id=comparison_id, bytes_freed=freed)


@file_route(
    router,
    "/{comparison_id}/ranking",
    operation_id="get_ranking",
    summary="The methods in order, with their figures",
    responses=RANKED | problems(*FILE, errors.NotAcceptable),
)
def ranking(
    comparison_id: IdPath,
    request: Request,
    context: Current,
    form: Annotated[
        Literal["json", "csv"] | None,
        Query(alias="format", description="Instead of the Accept header."),
    ] = None,
) -> Response:
    """Of the jobs that have succeeded so far.

    By error where there is ground truth, which is scoring and chooses nothing; else by agreement.
    """
    chosen = choose_format(request.headers.get("accept"), form, ranks.FORMATS)
    found = ranks.ranking(context, *_open(context, comparison_id))
    data = ranks.as_csv(found) if chosen == "csv" else found.model_dump_json().encode()
    media_type = "text/csv" if chosen == "csv" else "application/json"
    return deliver(request, of_bytes(data, media_type, f"{comparison_id}-ranking.{chosen}"))


@file_route(
    router,
    "/{comparison_id}/chart",
    operation_id="get_chart",
    summary="The ranking as a bar chart",
    responses=download("image/svg+xml") | problems(*FILE),
)
def chart(comparison_id: IdPath, request: Request, context: Current) -> Response:
    """SVG, in light or dark colours as the reader prefers."""
    svg = draw(ranks.ranking(context, *_open(context, comparison_id)))
    name = f"{comparison_id}.svg"
    return deliver(request, of_bytes(svg, "image/svg+xml", name, inline=True))


def _open(context: Context, comparison_id: str) -> tuple[Comparison, Places]:
    """A comparison and its jobs. Raises NotFound or Gone."""
    found = context.store.comparisons.get(comparison_id, context.owner)
    return found, context.store.comparisons.places([found.id])[found.id]


def _view(context: Context, found: Comparison, response: Response) -> ComparisonView:
    places = context.store.comparisons.places([found.id])[found.id]
    view = views.view(found, places, alive=_alive(context))
    if not view.terminal:
        response.headers["Retry-After"] = str(POLL_SECONDS)
    return view


def _alive(context: Context) -> bool:
    return bool(context.store.workers.alive(context.settings.lease_seconds))
