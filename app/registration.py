"""From a received upload to a data set: files into the store first, then the row."""

from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.context import Context
from app.ingest import PRODUCTS, IngestOptions, ingest, sniff
from app.requests import Text
from app.uploads import Received, room
from jobs import ids
from jobs.records import Dataset

UNNAMED = "unnamed"
NAME_LENGTH = 200


class UploadOptions(IngestOptions):
    """How an upload is to be read, and what it shall be called."""

    name: Text | None = Field(None, description="By default the file's name.")

    def merged(self, fields: dict[str, str]) -> "UploadOptions":
        """With a form's fields over those of the URL. Raises RequestValidationError."""
        try:
            return UploadOptions.model_validate(self.model_dump(exclude_none=True) | fields)
        except ValidationError as error:
            found = [{**e, "loc": ("body", *e["loc"])} for e in error.errors()]
            raise RequestValidationError(found) from error

    @property
    def reading(self) -> IngestOptions:
        return IngestOptions.model_validate(self.model_dump(exclude={"name"}))


def register(context: Context, received: Received, options: UploadOptions) -> tuple[Dataset, bool]:
    """The data set of an upload, and whether it is new.

    One that was there has its files again, if they are not in the store.

    Raises:
        DomainError: one of app.ingest.errors, or QuotaExceeded; nothing of the upload is kept then.
    """
    reading = options.reading
    said = reading.model_dump(exclude_none=True)
    twin = context.store.datasets.find(context.owner, received.sha256, said)
    if twin and _complete(context, twin):
        return twin, False
    if not twin:
        context.store.datasets.check_room(context.owner)
    kind = sniff(received.path, received.content_type, received.filename)
    target = received.folder / "canonical"
    with room():
        ingested = ingest(received.path, kind, reading, target, context.settings)
    if twin:
        _take(context, target, twin.id)
        return twin, False
    row = {
        **ingested.model_dump(mode="json"),
        "id": ids.new("ds"),
        "owner": context.owner,
        "name": _name(options, received),
        "sha256": received.sha256,
        "options": said,
    }
    return _store(context, received, row)


def _store(context: Context, received: Received, row: dict[str, Any]) -> tuple[Dataset, bool]:
    """Files, then the row; the files go again if the row is not, or was there already.

    They stay when the database fails: the row may be there, and only its answer lost. A later sweep
    can tell.
    """
    kept = False
    try:
        _take(context, received.folder / "canonical", row["id"])
        dataset, kept = context.store.datasets.add(**row)
    except SQLAlchemyError:
        kept = True
        raise
    finally:
        if not kept:
            context.artifacts.delete(_prefix(row["id"]))
    return dataset, kept


def _prefix(dataset_id: str) -> str:
    return f"datasets/{dataset_id}"


def _complete(context: Context, dataset: Dataset) -> bool:
    """Whether its files are in the store, which may be another one than it was."""
    stored = {file.key for file in context.artifacts.listed(_prefix(dataset.id))}
    return stored >= {f"{_prefix(dataset.id)}/{name}" for name in PRODUCTS}


def _take(context: Context, folder: Path, dataset_id: str) -> None:
    with room():
        for file in sorted(folder.iterdir()):
            context.artifacts.take(file, f"{_prefix(dataset_id)}/{file.name}")


def _name(options: UploadOptions, received: Received) -> str:
    filename = (received.filename or "").replace("\\", "/").rpartition("/")[2]
    name = options.name or filename or UNNAMED
    return "".join(c if c.isprintable() else "_" for c in name)[:NAME_LENGTH]
