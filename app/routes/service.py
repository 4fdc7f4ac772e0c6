"""Health, workers and the kinds of problems."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError

from app import problems
from app.context import Anyones, Context, Current
from app.documentation import problems as refusals
from app.errors import InvalidRequest, ServiceNotReady
from app.requests import WordPath
from app.schemas import Live, ProblemKind, ProblemKinds, Ready, WorkerList
from app.views import worker_view
from jobs.errors import (
    BrokerUnavailable,
    DomainError,
    Gone,
    NotFound,
    StoreRefused,
    StoreUnavailable,
)
from jobs.records import Worker

router = APIRouter(tags=["service"])


@router.get(
    "/livez", operation_id="live", summary="Does the API answer?", responses=refusals(public=True)
)
def live() -> Live:
    return Live(status="ok")


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Figures for Prometheus",
    response_class=PlainTextResponse,
    responses=refusals(),
)
def metrics(context: Current) -> Response:
    """Requests of this process, jobs and workers of the service. Needs a key where keys are on."""
    return Response(context.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)


@router.get(
    "/readyz",
    operation_id="ready",
    summary="Do database, broker and store answer?",
    responses=refusals(ServiceNotReady, public=True),
)
def ready(context: Anyones) -> Ready:
    checks = {
        "database": _database(context),
        "broker": _broker(context),
        "store": _store(context),
    }
    failed = [f"{name}: {state}" for name, state in checks.items() if state != "ok"]
    if failed:
        raise ServiceNotReady(f"{'; '.join(failed)}.", checks=checks)
    return Ready(status="ready", checks=checks, workers=len(_alive(context)))


def _database(context: Context) -> str:
    try:
        context.store.database.ping()
    except SQLAlchemyError as error:
        return f"does not answer ({type(error).__name__})"
    return "ok"


def _broker(context: Context) -> str:
    try:
        context.queue.ping()
    except BrokerUnavailable as error:
        return error.detail.rstrip(".")
    return "ok"


def _store(context: Context) -> str:
    try:
        context.artifacts.check()
    except (StoreRefused, StoreUnavailable) as error:
        return error.detail.rstrip(".")
    return "ok"


@router.get(
    "/v1/workers",
    operation_id="list_workers",
    summary="Which workers are alive",
    responses=refusals(),
)
def workers(context: Current) -> WorkerList:
    """``job_id`` is told of one's own jobs."""
    return WorkerList(items=[worker_view(_discreet(context, w)) for w in _alive(context)])


def _alive(context: Context) -> list[Worker]:
    return context.store.workers.alive(context.settings.lease_seconds)


def _discreet(context: Context, worker: Worker) -> Worker:
    """Without the job of another owner."""
    if worker.job_id is not None:
        try:
            context.store.jobs.get(worker.job_id, context.owner)
        except (NotFound, Gone):
            return worker.model_copy(update={"job_id": None})
    return worker


@router.get(
    "/v1/problems",
    operation_id="list_problems",
    summary="Every kind of problem",
    responses=refusals(public=True),
)
def problem_kinds() -> ProblemKinds:
    return ProblemKinds(items=[_kind(kind) for kind in problems.kinds()])


@router.get(
    "/v1/problems/{slug}",
    operation_id="get_problem",
    summary="What a kind of problem means",
    responses=refusals(NotFound, InvalidRequest, public=True),
)
def problem_kind(slug: WordPath) -> ProblemKind:
    for kind in problems.kinds():
        if kind.slug() == slug:
            return _kind(kind)
    raise NotFound(f"There is no kind of problem {slug!r}.")


def _kind(kind: type[DomainError]) -> ProblemKind:
    return ProblemKind(
        type=f"/v1/problems/{kind.slug()}",
        title=kind.title(),
        status=problems.status_of(kind),
        explanation=" ".join((kind.__doc__ or "").split()),
    )
