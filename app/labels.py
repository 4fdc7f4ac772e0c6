"""A finished job's labels, keyed by the images' own names, in three formats."""

import csv
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from app.context import Context
from app.results import content
from jobs.records import Job

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMATS = {"application/json": "json", "text/csv": "csv", "application/x-npy": "npy"}
MEDIA_TYPES = {name: media_type for media_type, name in FORMATS.items()}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters that a spreadsheet would take for a formula."""
HEADER = ("name", "label", "confidence")
DIGITS = 6


class Assignment(NamedTuple):
    """A labelling as it was stored; ``confidence`` is known for the final labels alone."""

    labels: "NDArray[Any]"
    confidence: "NDArray[Any] | None"


class Row(NamedTuple):
    name: str
    label: int
    confidence: float | None


def encode(context: Context, job: Job, by: str | None, form: str) -> bytes:
    """The labels by spectral clustering, the head or (None) the method's choice, in a format.

    Raises:
        NotFound: the job has no labels of that kind.
        Gone: it was just deleted.
    """
    found = assignment(context, job, by)
    if form == "npy":
        return _npy(found)
    rows = _rows(found, _names(context, job))
    return _csv(rows) if form == "csv" else _json(job, rows)


def assignment(context: Context, job: Job, by: str | None) -> Assignment:
    """Raises NotFound if the job has no labels of that kind, or Gone if it was just deleted."""
    if by is not None and by != (job.result or {}).get("final_labels"):
        return Assignment(load(context, job, f"labels-{by}.npy"), None)
    labels = load(context, job, "labels.npy")
    return Assignment(labels, load(context, job, "confidence.npy"))


def load(context: Context, job: Job, name: str) -> "NDArray[Any]":
    """Raises NotFound or Gone."""
    import numpy as np  # noqa: PLC0415 - the API starts without it

    file = io.BytesIO(content(context, job, name))
    array: NDArray[Any] = np.load(file, allow_pickle=False)
    return array


def _names(context: Context, job: Job) -> list[str]:
    names: list[str] = json.loads(content(context, job, "names.json"))
    return names


def _rows(found: Assignment, names: list[str]) -> list[Row]:
    labels: list[int] = found.labels.tolist()
    sure: list[float | None] = [None] * len(labels)
    if found.confidence is not None:
        sure = found.confidence.astype("float64").round(DIGITS).tolist()
    return [Row(*fields) for fields in zip(names, labels, sure, strict=True)]


def _json(job: Job, rows: list[Row]) -> bytes:
    labels = [row._asdict() for row in rows]
    body = {"job_id": job.id, "n_clusters": _count(job), "labels": labels}
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


def _count(job: Job) -> int:
    """As asked for, or as the worker chose."""
    known: dict[str, Any] = job.request | (job.result or {})
    return int(known["n_clusters"])


def _csv(rows: list[Row]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(HEADER)
    writer.writerows((harmless(row.name), row.label, row.confidence) for row in rows)
    return file.getvalue().encode()


def _npy(found: Assignment) -> bytes:
    import numpy as np  # noqa: PLC0415 - as above

    file = io.BytesIO()
    np.save(file, found.labels.astype(np.int64))
    return file.getvalue()


def harmless(name: str) -> str:
    """The name with an apostrophe before it, if a spreadsheet would run it as a formula."""
    return f"'{name}" if name.startswith(FORMULA) else name
