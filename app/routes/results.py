"""A job's results: labels, affinity, checkpoints and every other file."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app import errors
from app.context import Context, Current
from app.documentation import Responses, download, problems
from app.downloads import deliver, of_artifact, of_bytes
from app.labels import FORMATS, MEDIA_TYPES, encode
from app.negotiation import choose_format
from app.requests import FilePath, IdPath
from app.results import content, find, succeeded
from app.routes.files import file_route
from app.schemas import ArtifactList, Labels, Spectrum
from app.views import artifact_view
from jobs.errors import Gone, NotFound, NotReady
from jobs.records import Artifact, Job

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])

CHECKPOINT = "checkpoint"
ARTIFACT_TYPES = (
    "application/json",
    "application/jsonl",
    "application/octet-stream",
    "application/x-npy",
    "application/x-npz",
    "image/png",
    "text/html",
)
OBJECT = (NotFound, Gone, errors.InvalidRequest)
RESULT = (*OBJECT, NotReady)
FILE = (*RESULT, errors.RangeNotSatisfiable)
LABEL_RESPONSES: Responses = {
    200: {
        "description": "The labels.",
        "model": Labels,
        "content": {kind: {"schema": {"type": "string"}} for kind in list(FORMATS)[1:]},
    },
    206: {"description": "The part asked for in Range."},
    304: {"description": "Not changed since the ETag in If-None-Match."},
}


@file_route(
    router,
    "/labels",
    operation_id="get_labels",
    summary="Each image's cluster and confidence",
    responses=LABEL_RESPONSES | problems(*FILE, errors.NotAcceptable),
)
def labels(
    job_id: IdPath,
    request: Request,
    context: Current,
    form: Annotated[
        Literal["json", "csv", "npy"] | None,
        Query(alias="format", description="Instead of the Accept header."),
    ] = None,
    by: Annotated[
        Literal["spectral", "head"] | None,
        Query(description="Whose answer; by default the method's final labels."),
    ] = None,
) -> Response:
    """Keyed by the images' own names, in the data set's order; NPY holds int64 labels alone.

    In CSV a name that a spreadsheet would take for a formula has an apostrophe before it.
    """
    job = succeeded(context, job_id)
    chosen = choose_format(request.headers.get("accept"), form, FORMATS)
    data = encode(context, job, by, chosen)
    return deliver(request, of_bytes(data, MEDIA_TYPES[chosen], f"{job_id}-labels.{chosen}"))


@file_route(
    router,
    "/affinity",
    operation_id="get_affinity",
    summary="The affinity matrix",
    responses=download("application/x-npz") | problems(*FILE),
)
def affinity(
    job_id: IdPath,
    request: Request,
    context: Current,
    kind: Annotated[
        Literal["processed", "plain"],
        Query(description="Post-processed coefficients, or (|C| + |C^T|) / 2."),
    ] = "processed",
    form: Annotated[
        Literal["dense", "sparse"] | None,
        Query(
            alias="format",
            description="dense: np.load(...)['affinity'], N x N float32; not of a job with "
            "landmarks. sparse: scipy.sparse.load_npz, the largest entries of each row. By "
            "default dense where there is one.",
        ),
    ] = None,
) -> Response:
    job = succeeded(context, job_id)
    sparse = form == "sparse" or (job.result or {}).get("landmarks")
    found = find(context, job, f"affinity-{kind}-topk.npz" if sparse else f"affinity-{kind}.npz")
    if sparse and form == "dense":
        raise NotFound(f"A job with landmarks has no dense affinity: take {found.name!r}.")
    return _deliver(context, request, found)


@router.get(
    "/spectrum",
    operation_id="get_spectrum",
    summary="What speaks for and against the number of clusters",
    responses=problems(*RESULT),
)
def spectrum(job_id: IdPath, context: Current) -> Spectrum:
    """Eigenvalues and gaps of the affinity, and a survey over n; spectrum.png shows it.

    ``choice`` is the survey by which a job with n_clusters auto chose; ``survey`` looks again, at
    the features that the method found, around the number that it used.
    """
    job = succeeded(context, job_id)
    return Spectrum.model_validate_json(content(context, job, "spectrum.json"))


@router.get(
    "/checkpoints",
    operation_id="list_checkpoints",
    summary="The job's checkpoints, while it runs and after",
    responses=problems(*OBJECT),
)
def checkpoints(job_id: IdPath, context: Current) -> ArtifactList:
    job = context.store.jobs.get(job_id, context.owner)
    return _list(job, context.store.jobs.artifacts(job_id, CHECKPOINT))


@file_route(
    router,
    "/checkpoints/{name}",
    operation_id="get_checkpoint",
    summary="A checkpoint: safetensors, or JSON beside it",
    responses=download("application/octet-stream", "application/json")
    | problems(*OBJECT, errors.RangeNotSatisfiable),
)
def checkpoint(job_id: IdPath, name: FilePath, request: Request, context: Current) -> Response:
    job = context.store.jobs.get(job_id, context.owner)
    return _deliver(context, request, find(context, job, name, CHECKPOINT))


@router.get(
    "/artifacts",
    operation_id="list_artifacts",
    summary="Every file of a succeeded job",
    responses=problems(*RESULT),
)
def artifacts(job_id: IdPath, context: Current) -> ArtifactList:
    job = succeeded(context, job_id)
    return _list(job, context.store.jobs.artifacts(job_id))


@file_route(
    router,
    "/artifacts/{name}",
    operation_id="get_artifact",
    summary="A file of a succeeded job",
    responses=download(*ARTIFACT_TYPES) | problems(*FILE),
)
def artifact(job_id: IdPath, name: FilePath, request: Request, context: Current) -> Response:
    return _deliver(context, request, find(context, succeeded(context, job_id), name))


def _list(job: Job, found: list[Artifact]) -> ArtifactList:
    return ArtifactList(items=[artifact_view(job, artifact) for artifact in found])


def _deliver(context: Context, request: Request, artifact: Artifact) -> Response:
    return deliver(request, of_artifact(context.artifacts, artifact))
