"""New images through a job's trained head."""

from fastapi import APIRouter, Response

from app import errors
from app.answering import ACCEPTED, accepted, page
from app.context import Current
from app.documentation import problems
from app.idempotency import IdempotencyKey, once
from app.pages import Cursor, Limit, decode
from app.predicting import wish
from app.requests import IdPath, PredictionRequest
from app.results import succeeded
from app.schemas import JobPage, JobView
from app.submission import endpoint
from jobs.errors import Gone, IdempotencyKeyReused, NotFound, NotReady, QuotaExceeded
from jobs.records import Job

router = APIRouter(prefix="/v1/jobs/{job_id}/predictions", tags=["predictions"])

OBJECT = (NotFound, Gone, errors.InvalidRequest)
REFUSALS = (
    *OBJECT,
    NotReady,
    QuotaExceeded,
    IdempotencyKeyReused,
    errors.MalformedBody,
    errors.RequestTooLarge,
    errors.NoTrainedHead,
    errors.IncompatibleImages,
    errors.JobTooLarge,
)


@router.post(
    "",
    status_code=202,
    operation_id="predict",
    summary="Assign new images to a job's clusters",
    responses=ACCEPTED | problems(*REFUSALS, unsafe=True),
)
def predict(
    job_id: IdPath,
    body: PredictionRequest,
    context: Current,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> JobView:
    """A prediction is a job of its own: it is followed, and its labels are fetched, as any job's.

    Its labels are numbered as the head's of the job that was trained; confidence is the largest of
    the head's softmax outputs.
    """
    one = once(context.owner, idempotency_key, f"predict {job_id}", body)

    def make() -> Job:
        source = succeeded(context, job_id)
        dataset = context.store.datasets.get(body.dataset_id, context.owner)
        return context.store.jobs.submit(
            owner=context.owner,
            dataset_id=dataset.id,
            webhook=endpoint(body, context.settings),
            once=one,
            **wish(context, source, dataset, body),
        )

    return accepted(context, one, make, response)


@router.get(
    "",
    operation_id="list_predictions",
    summary="The predictions made with a job's model, newest first",
    responses=problems(*OBJECT, errors.InvalidCursor),
)
def predictions(
    job_id: IdPath, context: Current, limit: Limit = 20, cursor: Cursor = None
) -> JobPage:
    context.store.jobs.get(job_id, context.owner)
    found = context.store.jobs.page(context.owner, limit + 1, after=decode(cursor), predicts=job_id)
    return page(context, found, limit)
