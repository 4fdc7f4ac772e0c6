"""What goes over HTTP, as far as the client's users are concerned."""

from typing import Any, Literal, TypedDict


class Dataset(TypedDict):
    id: str
    name: str
    kind: str
    dimension: int | None
    n_images: int
    height: int | None
    width: int | None
    channels: int
    classes: list[str] | None
    notices: list[dict[str, str]]


class Job(TypedDict):
    id: str
    dataset_id: str
    status: str
    terminal: bool
    message: str
    phase: str | None
    progress: float
    epoch: int | None
    epochs: int | None
    losses: dict[str, float]
    estimated_finish: str | None
    error: dict[str, Any] | None
    notices: list[dict[str, str]]
    result: dict[str, Any] | None
    method: dict[str, Any]


class Options(TypedDict, total=False):
    """What a job may be given beside data set and number of clusters, as POST /v1/jobs has it."""

    method: str | dict[str, Any]
    preset: str | None
    seed: int
    ensemble: int
    select: Literal["auto"] | None
    image_size: int | tuple[int, int] | None
    priority: int
    max_seconds: float | None
    webhook: dict[str, str] | None
    metadata: dict[str, str]


class Event(TypedDict):
    """A line of a job's log; ``data`` of ``progress`` has a job's members of that."""

    id: int
    at: str
    kind: str
    data: dict[str, Any]


class ComparedJob(TypedDict):
    job_id: str | None
    method: dict[str, Any]
    seed: int
    status: str
    progress: float
    error: dict[str, Any] | None
    links: dict[str, str]


class Comparison(TypedDict):
    id: str
    name: str
    dataset_id: str
    status: str
    terminal: bool
    message: str
    progress: float
    estimated_finish: str | None
    counts: dict[str, int]
    notices: list[dict[str, str]]
    jobs: list[ComparedJob]


class Artifact(TypedDict):
    name: str
    kind: str
    media_type: str
    bytes: int
    sha256: str
    links: dict[str, str]
