"""What goes over HTTP: the shapes of answers, with an example each."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app import examples
from app.ingest.options import Content
from jobs.records import Device, Notice
from jobs.states import Delivery, Happening, Phase, Status


class Problem(BaseModel):
    """An error, after RFC 9457. Further members depend on ``type``."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [examples.PROBLEM]})

    type: str = Field(description="What kind of problem; a path of this service explains it.")
    title: str
    detail: str = Field(description="What is wrong here, and what would be right.")
    status: int | None = Field(None, description="The HTTP status; absent inside a job.")
    instance: str | None = Field(None, description="The path of the request.")
    request_id: str | None = Field(None, description="As in the header X-Request-ID and the log.")


class ProblemKind(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.PROBLEM_KIND]})

    type: str
    title: str
    status: int = Field(description="The HTTP status that it is answered with.")
    explanation: str


class ProblemKinds(BaseModel):
    items: list[ProblemKind]


class DatasetView(BaseModel):
    """A set of images, or of feature vectors, each one pixel of ``dimension`` channels.

    ``height`` and ``width`` are null when images differ in size.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DATASET]})

    id: str
    name: str
    sha256: str = Field(description="Of the bytes as they were sent.")
    options: dict[str, Any] = Field(description="How the upload was read.")
    kind: Content
    dimension: int | None = Field(description="The numbers in a feature vector; null of images.")
    n_images: int
    height: int | None
    width: int | None
    channels: int
    dtype: str
    classes: list[str] | None = Field(description="Names of the true classes, if truth was sent.")
    bytes: int = Field(description="Size of the pixels as stored.")
    notices: list[Notice]
    created_at: AwareDatetime
    links: dict[str, str]


class Deleted(BaseModel):
    """What is no longer there."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DELETED]})

    id: str
    bytes_freed: int = Field(description="Of its files, and those of what went with it.")


class DatasetPage(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.DATASET_PAGE]})

    items: list[DatasetView]
    next_cursor: str | None


class ImageView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.IMAGE]})

    index: int
    name: str
    height: int
    width: int
    truth: str | None = Field(description="Name of the true class, if truth was sent.")
    links: dict[str, str] = Field(description="Its picture; a feature vector has none.")


class ImagePage(BaseModel):
    items: list[ImageView]
    next_cursor: str | None
    total: int


class MethodView(BaseModel):
    """A clustering method of the catalogue."""

    name: str
    title: str
    citation: str
    description: str = Field(description="The optimisation problem that it solves.")
    presets: list[str]
    needs_images: bool = Field(description="Whether feature vectors will not do.")
    defaults: dict[str, Any]
    parameters: dict[str, Any] = Field(description="JSON Schema of the hyperparameters.")
    links: dict[str, str]


class MethodList(BaseModel):
    items: list[MethodView]


class WorkerSeen(BaseModel):
    name: str
    seen_at: AwareDatetime | None = Field(
        description="Null once it is forgotten: a worker that was silent for ten leases."
    )


class WebhookView(BaseModel):
    """Whether a job's end was told to the one who asked for it."""

    url: str
    state: Delivery = Field(
        description="waiting for the job's end, pending, delivered or given_up."
    )
    attempts: int
    last_at: AwareDatetime | None = Field(description="Of the last attempt.")
    last_error: str | None = Field(description="Why it failed.")
    next_at: AwareDatetime | None = Field(description="Of the next attempt.")


class JobView(BaseModel):
    """A job: where it is, and what came of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.JOB]})

    id: str
    dataset_id: str
    status: Status
    terminal: bool = Field(description="Whether the status is final.")
    message: str = Field(description="The state in plain words.")
    phase: Phase | None
    progress: float = Field(ge=0, le=1, description="Fraction of the whole job.")
    epoch: int | None
    epochs: int | None
    losses: dict[str, float] = Field(description="Of the last epoch.")
    estimated_finish: AwareDatetime | None
    priority: int = Field(description="Of its owner's jobs, those of a higher one start first.")
    queue_position: int | None = Field(
        description="1 for the next job to start; about right where several owners wait."
    )
    attempt: int = Field(description="How many times a worker has taken the job.")
    worker: WorkerSeen | None
    error: Problem | None
    notices: list[Notice] = Field(description="Warnings about input or result.")
    result: dict[str, Any] | None = Field(description="Sizes, scores and diagnostics.")
    method: dict[str, Any] = Field(description="All hyperparameters, as they are used.")
    request: dict[str, Any] = Field(description="What was asked for.")
    metadata: dict[str, str]
    webhook: WebhookView | None
    resumed_from: str | None
    needs_bytes: int | None = Field(
        description="Its estimated memory; a worker with less leaves it alone."
    )
    device: Device | None = Field(description="Where it shall run, if that was said.")
    predicts: str | None = Field(
        description="The job whose trained model assigns the images, of a prediction."
    )
    max_seconds: float | None
    seconds_used: float
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    links: dict[str, str]


class JobPage(BaseModel):
    items: list[JobView]
    next_cursor: str | None


class EventView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.EVENT]})

    id: int
    at: AwareDatetime
    kind: Happening
    data: dict[str, Any] = Field(
        description="Of progress: message, phase, progress, epoch, epochs, losses and "
        "estimated_finish as the job has them."
    )


class EventPage(BaseModel):
    items: list[EventView]
    next_cursor: str | None


class ArtifactView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.ARTIFACT]})

    name: str
    kind: str
    media_type: str
    bytes: int
    sha256: str
    links: dict[str, str]


class ArtifactList(BaseModel):
    items: list[ArtifactView]


class LabelView(BaseModel):
    name: str = Field(description="The image's own name.")
    label: int = Field(ge=0, description="Its cluster.")
    confidence: float | None = Field(
        description="Share of its affinity inside its cluster, or what the method has for it, such "
        "as a head's probability; null for labels of another kind."
    )


class Labels(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.LABELS]})

    job_id: str
    n_clusters: int
    labels: list[LabelView]


class CountView(BaseModel):
    """What speaks for a number of clusters."""

    n_clusters: int
    agreement: float = Field(
        description="Adjusted Rand index of the partitions by ridge regression and elastic net."
    )
    relative_eigengap: float = Field(description="The smaller one of the two affinities'.")
    support: float = Field(description="log(n) x agreement x log(1 + relative eigengap).")


class SurveyView(BaseModel):
    n_images: int = Field(description="How many were looked at, at random if not all.")
    suggested: int = Field(description="The number with the most support.")
    counts: list[CountView]


class Spectrum(BaseModel):
    """How far the number of clusters can be trusted; no labels are seen."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SPECTRUM]})

    n_clusters: int
    asked: int | Literal["auto"]
    eigenvalues: list[float] = Field(
        description="Of the affinity's normalised Laplacian, ascending; none without an affinity."
    )
    relative_eigengap: float | None
    widest_gap: int | None = Field(description="After so many of these, the first one left out.")
    survey: SurveyView = Field(description="Around n_clusters, on the features that were found.")
    choice: SurveyView | None = Field(description="Of an auto job: on pixels, before the fit.")
    trust: str


class WorkerView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.WORKER]})

    name: str
    device: str = Field(description="Its name.")
    kind: Device | None
    memory_bytes: int | None = Field(
        description="Of the device, or of the machine if that has less; larger jobs are left alone."
    )
    version: str | None = Field(description="Of the worker itself.")
    versions: dict[str, str] | None = Field(description="Of what its trainers compute with.")
    since: AwareDatetime | None
    seen_at: AwareDatetime
    job_id: str | None = Field(description="What it works on.")


class WorkerList(BaseModel):
    items: list[WorkerView]


class Live(BaseModel):
    status: str


class Ready(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.READY]})

    status: str
    checks: dict[str, str] = Field(description="database, broker and store: ok, or what is wrong.")
    workers: int = Field(description="How many are alive; without one, jobs wait.")
