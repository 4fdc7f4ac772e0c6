"""What a user sends to compare methods."""

from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from app.comparing import examples
from app.requests import (
    MAX_SEED,
    MONTH,
    ChosenMethod,
    Identifier,
    ImageSize,
    JobRequest,
    Metadata,
    Word,
)
from models.base import Method

MAX_METHODS = 16
MAX_SEEDS = 10
MAX_JOBS = 64

Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class ComparisonRequest(BaseModel):
    """Several methods, each with the same seeds, on one data set."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [examples.COMPARISON_REQUEST]}
    )

    dataset_id: Identifier
    n_clusters: int = Field(ge=2, description="At most the number of images.")
    methods: list[ChosenMethod] = Field(
        min_length=2,
        max_length=MAX_METHODS,
        description="Each a method's name, or its name and the hyperparameters that shall differ.",
    )
    seeds: list[Seed] = Field(
        [0],
        min_length=1,
        max_length=MAX_SEEDS,
        json_schema_extra={"uniqueItems": True},
        description=f"Each method runs with each of them; at most {MAX_JOBS} jobs in all.",
    )
    preset: Word | None = Field(
        None, description="For the methods that have it; the others say so and follow their rule."
    )
    landmarks: int | None = Field(
        None, ge=2, description="Fit each method to so many images, the same; see jobs."
    )
    image_size: ImageSize | None = Field(
        None, description="Resize to [height, width], or to a square; needed for mixed sizes."
    )
    priority: int = Field(
        5, ge=0, le=9, description="Of one's own jobs, those of a higher one start first."
    )
    max_seconds: float | None = Field(
        None, gt=0, le=MONTH, description="A job fails, with its checkpoint kept, after these."
    )
    metadata: Metadata = Field(default_factory=dict, description="Kept, also with each job.")
    name: Name | None = Field(None, description="The chart's title; by default the data set's.")

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            message = "must differ from each other"
            raise ValueError(message)
        return seeds

    @model_validator(mode="after")
    def _jobs_are_not_too_many(self) -> Self:
        if (count := len(self.methods) * len(self.seeds)) > MAX_JOBS:
            message = (
                f"asks for {count} jobs (methods x seeds), {MAX_JOBS} are allowed: give fewer "
                "methods or seeds"
            )
            raise ValueError(message)
        return self

    def of_method(self, method: Method, *, preset: str | None) -> JobRequest:
        """The request for a job with one of the methods, and the first of the seeds."""
        return JobRequest(
            dataset_id=self.dataset_id,
            n_clusters=self.n_clusters,
            method=method,
            preset=preset,
            seed=self.seeds[0],
            landmarks=self.landmarks,
            image_size=self.image_size,
            priority=self.priority,
            max_seconds=self.max_seconds,
            metadata=self.metadata,
        )

    def as_sent(self, methods: list[dict[str, Any]]) -> dict[str, Any]:
        """What the comparison's row keeps; ``methods``: each as its job keeps it."""
        return {
            "n_clusters": self.n_clusters,
            "methods": methods,
            "seeds": self.seeds,
            "preset": self.preset,
            "landmarks": self.landmarks,
            "image_size": self.image_size,
        }
