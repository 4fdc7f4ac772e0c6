"""What goes over HTTP, as far as the client's users are concerned."""

from typing import Any, Literal, TypeAlias, TypedDict

Count: TypeAlias = int | Literal["auto"]
"""How many clusters; auto leaves it to the service."""


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
    request: dict[str, Any]
    predicts: str | None


class JobOptions(TypedDict, total=False):
    """What every job may be given, one that predicts too."""

    priority: int
    max_seconds: float | None
    webhook: dict[str, str] | None
    metadata: dict[str, str]


class Options(JobOptions, total=False):
    """What a clustering may be given beside data set and number, as POST /v1/jobs has it."""

    method: str | dict[str, Any]
    preset: str | None
    seed: int
    ensemble: int
    select: Literal["auto"] | None
    landmarks: int | Literal["auto"] | None
    image_size: int | tuple[int, int] | None


class Event(TypedDict):
    """A line of a job's log; ``data`` of ``progress`` has a job's members of that."""

    id: int
    at: str
    kind: str
    data: dict[str, Any]


class CountSupport(TypedDict):
    """What speaks for a number of clusters."""

    n_clusters: int
    agreement: float
    relative_eigengap: float
    support: float


class Survey(TypedDict):
    n_images: int
    suggested: int
    counts: list[CountSupport]


class Spectrum(TypedDict):
    """How far a job's number of clusters can be trusted."""

    n_clusters: int
    asked: Count
    eigenvalues: list[float]
    relative_eigengap: float | None
    widest_gap: int | None
    survey: Survey
    choice: Survey | None
    trust: str


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
