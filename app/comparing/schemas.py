"""What goes over HTTP of a comparison: the shapes of answers, with an example each."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.comparing import examples
from app.schemas import Problem
from jobs.records import Notice
from jobs.states import Status

Deleted = Literal["deleted"]


class ComparisonSummary(BaseModel):
    """A comparison without its jobs. Its status follows from theirs."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SUMMARY]})

    id: str
    name: str
    dataset_id: str
    status: Status = Field(description="succeeded: all jobs are over, at least one succeeded.")
    terminal: bool = Field(description="Whether all jobs are over.")
    message: str = Field(description="The state in plain words.")
    progress: float = Field(ge=0, le=1, description="Mean of the jobs'; one that is over counts 1.")
    estimated_finish: AwareDatetime | None = Field(description="Null while a job is queued.")
    counts: dict[Status | Deleted, int] = Field(description="Jobs in each state.")
    request: dict[str, Any] = Field(description="What was asked for.")
    metadata: dict[str, str]
    notices: list[Notice]
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    links: dict[str, str]


class ComparedJob(BaseModel):
    """One method with one seed; all else is at ``links.self``."""

    job_id: str | None = Field(
        description="Of several, by resuming, the newest; null if it was deleted."
    )
    method: dict[str, Any] = Field(description="As asked for.")
    seed: int
    status: Status | Deleted
    progress: float = Field(ge=0, le=1)
    error: Problem | None
    links: dict[str, str]


class ComparisonView(ComparisonSummary):
    """A comparison: where it is, and each of its jobs."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.COMPARISON]})

    jobs: list[ComparedJob] = Field(description="By method, then by seed, as in the request.")


class ComparisonPage(BaseModel):
    items: list[ComparisonSummary]
    next_cursor: str | None


class Spread(BaseModel):
    """A figure over the seeds that are done."""

    median: float
    min: float
    max: float


class RankingRow(BaseModel):
    """A method's figures; null where there are none (yet)."""

    rank: int | None = Field(
        description="Equal figures have equal ranks; null while there is none."
    )
    method: str
    changes: dict[str, Any] = Field(description="The hyperparameters that were asked for.")
    jobs: int
    succeeded: int
    failed: int
    agreement: Spread | None = Field(
        description="Mean adjusted Rand index with the other methods' partitions; without labels."
    )
    stability: float | None = Field(
        description="Mean adjusted Rand index between its own seeds; null for one. Without labels."
    )
    relative_eigengap: Spread | None = Field(
        description="How far the affinity falls into n groups; without labels. It grows with the "
        "clean-up of the affinity and does not compare across methods: no rank follows from it."
    )
    clusters: Spread | None = Field(description="Clusters that have images.")
    seconds: Spread | None
    accuracy: Spread | None = Field(description="Scores are there if the data set has truth.")
    error: Spread | None
    nmi: Spread | None
    ari: Spread | None


class Ranking(BaseModel):
    """The methods of a comparison, best first; those without that figure at the end."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RANKING]})

    comparison_id: str
    name: str
    complete: bool = Field(description="Whether all jobs are over.")
    ordered_by: Literal["error", "agreement"] = Field(
        description="error where there is ground truth: that is scoring what was done, and chooses "
        "nothing. agreement otherwise: it sees no labels."
    )
    rows: list[RankingRow]
