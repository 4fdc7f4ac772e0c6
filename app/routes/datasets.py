"""Image sets: upload, list, read, delete."""

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response

from app import errors
from app.context import Current
from app.documentation import BINARY, Responses, made, problems
from app.ingest import errors as ingest
from app.pages import Cursor, Limit, decode, encode
from app.registration import UploadOptions, register
from app.requests import IdPath
from app.schemas import DatasetPage, DatasetView, Deleted
from app.uploads import receive, scratch
from app.views import dataset_view
from jobs.errors import DatasetInUse, Gone, NotFound, QuotaExceeded

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

OBJECT = (NotFound, Gone, errors.InvalidRequest)
REFUSALS = (
    ingest.EmptyUpload,
    ingest.UnsupportedFormat,
    ingest.NotAnArchive,
    ingest.TruncatedUpload,
    ingest.NoImages,
    ingest.TooFewImages,
    ingest.CorruptImage,
    ingest.UnreadableArray,
    ingest.UnsafeArchive,
    ingest.TooLarge,
    ingest.PickledArray,
    ingest.BadLabels,
    ingest.BadNames,
    ingest.BadShape,
    ingest.IngestTimedOut,
    ingest.IngestCrashed,
    ingest.StorageFull,
    QuotaExceeded,
)
RAW = (
    "application/zip",
    "application/x-tar",
    "application/gzip",
    "application/x-npz",
    "application/x-npy",
    "application/x-matlab-data",
    "application/octet-stream",
)


def _fields() -> dict[str, Any]:
    """The options as fields of a form, which are left out rather than null."""
    fields: dict[str, Any] = {}
    for name, field in UploadOptions.model_json_schema()["properties"].items():
        (given,) = (one for one in field["anyOf"] if one["type"] != "null")
        fields[name] = given | {k: v for k, v in field.items() if k not in {"anyOf", "default"}}
    return fields


FORM = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": BINARY, **_fields()},
        "additionalProperties": False,
    }
}
UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is, or a form with the file and the options.",
        "content": {kind: {"schema": BINARY} for kind in RAW} | {"multipart/form-data": FORM},
    }
}
MADE = made(
    201,
    200,
    what="The data set.",
    links=dict.fromkeys(("get_dataset", "list_images", "delete_dataset"), "dataset_id"),
    bodies={
        "submit_job": {"n_clusters": 2},
        "submit_comparison": {"n_clusters": 2, "methods": ["lsr", "kmeans"]},
    },
)
TWIN: Responses = {200: MADE[200] | {"description": "It was there already.", "model": DatasetView}}


@router.post(
    "",
    status_code=201,
    operation_id="upload_dataset",
    summary="Upload an image set",
    responses=MADE
    | TWIN
    | problems(errors.InvalidRequest, errors.MalformedBody, *REFUSALS, unsafe=True),
    openapi_extra=UPLOAD_BODY,
)
async def upload(
    request: Request,
    response: Response,
    context: Current,
    options: Annotated[UploadOptions, Query()],
) -> DatasetView:
    """A zip, tar or tar.gz of images in folders of any depth, or arrays as .npz, .npy or .mat.

    Arrays may hold feature vectors, one a row, in place of images.

    The same bytes with the same options give the same data set again.
    """
    settings = context.settings
    with scratch(settings.scratch_dir) as folder:
        received = await receive(request, folder, settings.max_upload_bytes)
        chosen = options.merged(received.fields)
        dataset, created = await to_thread.run_sync(
            register, context, received, chosen, limiter=context.readers
        )
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/datasets/{dataset.id}"
    return dataset_view(dataset)


@router.get(
    "",
    operation_id="list_datasets",
    summary="Image sets, newest first",
    responses=problems(errors.InvalidRequest, errors.InvalidCursor),
)
def datasets(context: Current, limit: Limit = 20, cursor: Cursor = None) -> DatasetPage:
    found = context.store.datasets.page(context.owner, limit + 1, decode(cursor))
    views = [dataset_view(dataset) for dataset in found[:limit]]
    more = len(found) > limit
    return DatasetPage(items=views, next_cursor=encode(views[-1].id) if more else None)


@router.get(
    "/{dataset_id}",
    operation_id="get_dataset",
    summary="An image set",
    responses=problems(*OBJECT),
)
def dataset(dataset_id: IdPath, context: Current) -> DatasetView:
    return dataset_view(context.store.datasets.get(dataset_id, context.owner))


@router.delete(
    "/{dataset_id}",
    operation_id="delete_dataset",
    summary="Delete an image set and its files",
    responses=problems(*OBJECT, DatasetInUse, unsafe=True),
)
def delete(dataset_id: IdPath, context: Current) -> Deleted:
    """Refused while an unfinished job needs it. Its jobs keep their results."""
    context.store.datasets.delete(dataset_id, context.owner)
    return Deleted(id=dataset_id, bytes_freed=context.artifacts.delete(f"datasets/{dataset_id}"))
