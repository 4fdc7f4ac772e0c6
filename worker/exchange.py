"""The files in an attempt's scratch folder through which supervisor and trainer speak."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from jobs.logs import Form
from jobs.records import JSON, Artifact, Notice, Progress
from jobs.states import Phase

STOPPED = 75
"""A trainer's exit status after a requested stop (EX_TEMPFAIL)."""


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


AnyMessage = TypeVar("AnyMessage", bound=Message)


class Spec(Message):
    """All that a trainer needs to know: what to compute, from what, and where to leave it.

    ``source`` is what the data set is known by. ``n_clusters`` None is left to the trainer,
    ``threads`` None means all cores, ``landmarks`` None that all images are fitted to.
    ``checkpoints`` are those to go on from, the newest first; ``next_checkpoint`` is the first free
    number. ``model`` are the files of the model that shall assign the images, by name, and
    ``predicts`` is its job; none for a job that trains. ``thrifty`` is
    for one whose GPU had too little memory before; ``trace`` the span that the trainer's belong
    below.
    """

    job_id: str
    attempt: int
    scratch: Path
    dataset: Path
    source: JSON
    request: JSON
    method: JSON
    n_clusters: int | None
    predicts: str | None
    model: dict[str, Path]
    seed: int
    ensemble: int
    landmarks: int | str | None
    select: str | None
    image_size: tuple[int, int] | None
    notices: list[Notice]
    checkpoints: list[Path]
    next_checkpoint: int
    checkpoint_seconds: float
    device: str
    threads: int | None
    thrifty: bool = False
    log_format: Form = "text"
    trace: str | None = None
    traces_endpoint: str | None = None


class Spent(Message):
    """What a phase has cost this attempt so far."""

    seconds: float
    epochs: int


class Report(Message):
    """How far a trainer is.

    ``longest_step`` is the longest silence between two steps, in seconds; ``device_bytes`` the most
    memory that it had on a GPU so far.
    """

    serial: int
    progress: Progress
    longest_step: float
    spent: dict[Phase, Spent]
    device_bytes: int | None


class Failure(Message):
    """Why a trainer ended: ``kind`` is the slug of an error of ``jobs.errors``."""

    kind: str
    detail: str


class Outcome(Message):
    """A finished result; the files lie in the scratch folder's ``results``, under their names.

    ``method``: all hyperparameters as they were used.
    """

    result: JSON
    method: JSON
    notices: list[Notice]
    files: list[Artifact]


class Scratch:
    """An attempt's folder. Nothing in it outlives the attempt."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spec = root / "spec.json"
        self.report = root / "progress.json"
        self.failure = root / "failure.json"
        self.outcome = root / "outcome.json"
        self.log = root / "trainer.log"
        self.results = root / "results"
        self.checkpoints = root / "checkpoints"

    def create(self) -> None:
        for folder in (self.results, self.checkpoints):
            folder.mkdir(parents=True, exist_ok=True)


def write(path: Path, message: BaseModel) -> None:
    """Replace a file in one step, so that its reader sees the old one or the new one, whole."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(message.model_dump_json())
    partial.replace(path)


def read(path: Path, kind: type[AnyMessage]) -> AnyMessage | None:
    """A file's message; None if it has not been written."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
