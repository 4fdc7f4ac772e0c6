"""The images of a set: names, sizes, truth, pixels."""

from contextlib import AbstractContextManager
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app import errors
from app.context import Context, Current
from app.documentation import download, problems
from app.downloads import deliver, of_bytes
from app.files import still_there
from app.ingest import canonical
from app.pages import Cursor, ImageLimit, decode_number, encode
from app.requests import IdPath
from app.routes.files import file_route
from app.schemas import ImagePage, ImageView
from jobs.errors import Gone, NotFound

router = APIRouter(prefix="/v1/datasets/{dataset_id}/images", tags=["datasets"])

OBJECT = (NotFound, Gone, errors.InvalidRequest)


@router.get(
    "",
    operation_id="list_images",
    summary="Names, sizes and truth of the images",
    responses=problems(*OBJECT, errors.InvalidCursor),
)
def images(
    dataset_id: IdPath, context: Current, limit: ImageLimit = 100, cursor: Cursor = None
) -> ImagePage:
    """In the order that labels and affinity have."""
    index = _index(context, dataset_id)
    start, total = decode_number(cursor), len(index["images"])
    stop = min(start + limit, total)
    return ImagePage(
        items=[_view(dataset_id, index, i) for i in range(start, stop)],
        next_cursor=encode(stop) if stop < total else None,
        total=total,
    )


@file_route(
    router,
    "/{index}",
    operation_id="get_image",
    summary="An image as PNG",
    responses=download("image/png")
    | problems(*OBJECT, errors.NoPicture, errors.RangeNotSatisfiable),
)
def image(
    dataset_id: IdPath,
    index: Annotated[int, Path(ge=0, le=2**31)],
    request: Request,
    context: Current,
) -> Response:
    """As it is clustered, at 8 bits a channel."""
    document = _index(context, dataset_id)
    if not canonical.has_pictures(document):
        raise errors.NoPicture(
            f"The data set {dataset_id!r} holds feature vectors of {document['channels']} numbers, "
            "which have no picture; their names and truth are in the list."
        )
    pixels_npy = f"datasets/{dataset_id}/pixels.npy"
    with _still_there(dataset_id), context.artifacts.open(pixels_npy) as pixels:
        png = canonical.png_bytes(canonical.read_image(pixels, document, index))
    return deliver(request, of_bytes(png, "image/png", f"{dataset_id}-{index}.png"))


def _index(context: Context, dataset_id: str) -> dict[str, Any]:
    """The document of a live data set. Raises NotFound or Gone."""
    context.store.datasets.get(dataset_id, context.owner)
    with _still_there(dataset_id):
        return context.indexes.of(dataset_id)


def _still_there(dataset_id: str) -> AbstractContextManager[None]:
    return still_there(f"The data set {dataset_id!r}")


def _view(dataset_id: str, index: dict[str, Any], position: int) -> ImageView:
    found, truth, classes = index["images"][position], index["truth"], index["classes"]
    pictures = canonical.has_pictures(index)
    return ImageView(
        index=position,
        name=found["name"],
        height=found["height"],
        width=found["width"],
        truth=None if truth is None else classes[truth[position]],
        links={"png": f"/v1/datasets/{dataset_id}/images/{position}"} if pictures else {},
    )
