"""What the service answers, as far as the client's users are concerned."""

from typing import Any, TypedDict


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
