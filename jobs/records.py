"""What the store hands out: immutable records of data sets, jobs, artifacts and workers."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from jobs.states import Delivery, Happening, Phase, Status

JSON = dict[str, Any]


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class Notice(Record):
    """Something that a person should know about input or result that is no error."""

    code: str
    detail: str


COLOURS = 3
"""Channels of an image, at most; what has more is a feature vector."""


AUTO = "auto"
"""Of a request's ``n_clusters``: the worker chooses."""


class Dataset(Record):
    """An uploaded image set in canonical form; feature vectors are images of one pixel.

    ``height`` and ``width`` are None when the images differ in size; ``options`` are those of the
    upload, which with ``sha256`` (of the bytes as sent) make its identity.
    """

    id: str
    owner: str
    name: str
    sha256: str
    options: JSON
    n_images: int
    height: int | None
    width: int | None
    channels: int
    dtype: str
    classes: list[str] | None
    bytes: int
    notices: list[Notice] = Field(default_factory=list)
    created_at: float
    deleted_at: float | None = None

    @property
    def dimension(self) -> int | None:
        """The numbers in a feature vector, None of images."""
        return self.channels if self.channels > COLOURS else None


class Progress(Record):
    """Where a running job is; ``fraction`` is of the whole job, ``losses`` of the last epoch."""

    phase: Phase
    fraction: float = Field(ge=0, le=1)
    epoch: int | None = None
    epochs: int | None = None
    losses: dict[str, float] = Field(default_factory=dict)
    finish_at: float | None = None


class Job(Record):
    """A job's row. ``request`` is as submitted, ``method`` the hyperparameters filled in.

    ``predicts`` is the job whose model assigns the images, of a job that trains nothing itself;
    ``needs_bytes`` an estimate of its memory; ``device`` where it shall run, if that was said;
    ``trace`` the W3C ``traceparent`` of the request that submitted it; ``thrifty`` whether a GPU
    had too little memory for it, so that it shall take less.
    """

    id: str
    owner: str
    dataset_id: str
    request: JSON
    method: JSON
    metadata: JSON
    status: Status
    priority: int
    attempt: int
    failures: int
    progress: Progress | None
    worker: str | None
    lease_until: float | None
    error: JSON | None
    result: JSON | None
    notices: list[Notice]
    resumed_from: str | None
    predicts: str | None = None
    needs_bytes: int | None = None
    device: str | None = None
    trace: str | None = None
    thrifty: bool = False
    max_seconds: float | None
    seconds_used: float
    created_at: float
    sent_at: float | None
    started_at: float | None
    finished_at: float | None
    deleted_at: float | None


class Comparison(Record):
    """Several methods, each with several seeds, on one data set; its jobs have rows of their own.

    ``request`` has ``n_clusters``, ``methods`` and ``seeds`` as submitted; the job at place p is
    that of method p // len(seeds) and seed p % len(seeds).
    """

    id: str
    owner: str
    dataset_id: str
    name: str
    request: JSON
    metadata: JSON
    notices: list[Notice]
    created_at: float
    deleted_at: float | None


class Event(Record):
    """One line of a job's log."""

    id: int
    job_id: str
    at: float
    kind: Happening
    data: JSON


class Artifact(Record):
    """A file of a job: ``key`` finds it in the artifact store; ``kind`` groups it for readers."""

    name: str
    kind: str
    media_type: str
    bytes: int
    sha256: str
    key: str


class Webhook(Record):
    """Whom a job's end is told, and how far that is; the secret is left out."""

    url: str
    state: Delivery
    attempts: int
    next_at: float | None
    last_at: float | None
    last_error: str | None


class Device(StrEnum):
    """What a job is computed on."""

    CPU = "cpu"
    GPU = "gpu"


class Capacity(Record):
    """What a worker can hold; None is not known, and then no bound."""

    device: Device | None = None
    memory_bytes: int | None = None

    def holds(self, job: "Job") -> bool:
        """Whether the job may run there."""
        there = None in (job.device, self.device) or job.device == self.device
        known = job.needs_bytes is not None and self.memory_bytes is not None
        return there and not (known and (job.needs_bytes or 0) > (self.memory_bytes or 0))


class Worker(Record):
    """``device`` is its name, ``kind`` what it is; ``version`` the worker's own."""

    name: str
    device: str
    seen_at: float
    job_id: str | None
    kind: Device | None = None
    memory_bytes: int | None = None
    version: str | None = None
    versions: dict[str, str] | None = None
    since: float | None = None

    @property
    def capacity(self) -> Capacity:
        return Capacity(device=self.kind, memory_bytes=self.memory_bytes)


class Scope(StrEnum):
    """What a key may do: look, or also upload, submit, cancel and delete."""

    READ = "read"
    WRITE = "write"


class Limits(Record):
    """What an owner may have and how often it may ask; None is no limit of this kind here."""

    datasets: int | None = Field(None, ge=1)
    bytes: int | None = Field(None, ge=1)
    jobs: int | None = Field(None, ge=1)
    requests_per_second: float | None = Field(None, gt=0)

    def over(self, others: "Limits") -> "Limits":
        """These, and where there are none the others."""
        return others.model_copy(update=self.model_dump(exclude_none=True))


class Key(Record):
    """An API key without its secret; its limits count before the service's own."""

    id: str
    owner: str
    name: str
    scope: Scope
    limits: Limits = Limits()
    created_at: float
    revoked_at: float | None


class Claim(Record):
    """The right to run one attempt; ``attempt`` is the fencing token of all that it writes.

    ``model`` are the files of the job that is predicted with, none if the job trains.
    """

    job: Job
    dataset: Dataset
    checkpoint: list[Artifact]
    model: list[Artifact] = Field(default_factory=list)

    @property
    def attempt(self) -> int:
        return self.job.attempt

    @property
    def queued_at(self) -> float:
        """When the job was queued last, in seconds since 1970."""
        return self.job.sent_at or self.job.created_at


def timestamp(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as an aware UTC time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
