"""What a user sends to submit a job."""

from typing import Annotated, Any, Literal, Self

from fastapi import Path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from app import examples
from app.webhooks import checked_secret, checked_url
from jobs.records import AUTO, Device
from models.base import Method
from models.catalogue import METHODS, AnyMethod

DEFAULT_METHOD = "s2convscn"
MAX_ENSEMBLE = 32
MAX_METADATA = 16
MAX_SEED = 2**32 - 1
MONTH = 30 * 86400.0

Pair = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}=[^\x00]{0,500}$")]
"""``name=text`` of a job's metadata."""
MethodName = Annotated[str, Field(json_schema_extra={"enum": list(METHODS)})]
Count = Annotated[
    Annotated[int, Field(ge=2), Tag("number")] | Annotated[Literal["auto"], Tag("auto")],
    Discriminator(lambda value: AUTO if value == AUTO else "number"),
]
Side = Annotated[int, Field(ge=8, le=1024)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]

Metadata = Annotated[
    dict[Word, Text],
    Field(max_length=MAX_METADATA, json_schema_extra={"additionalProperties": False}),
]

IdPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
WordPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
FilePath = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,255}$")]


def _named(value: Any) -> Any:
    return {"method": value} if isinstance(value, str) else value


def _pair(value: Any) -> Any:
    return [value, value] if isinstance(value, int) else value


ChosenMethod = Annotated[
    AnyMethod,
    BeforeValidator(_named, json_schema_input_type=MethodName | AnyMethod),
]
ImageSize = Annotated[
    tuple[Side, Side],
    BeforeValidator(_pair, json_schema_input_type=Side | tuple[Side, Side]),
]


def _default_method() -> Method:
    return METHODS[DEFAULT_METHOD]()


class WebhookRequest(BaseModel):
    """Whom to tell of a job's end, by a signed POST (standardwebhooks.com)."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, AfterValidator(checked_url)] = Field(
        max_length=2000, description="https://, on a public address."
    )
    secret: Annotated[str, AfterValidator(checked_secret)] = Field(
        max_length=100,
        description="Signs what is sent: whsec_ and 24 to 64 random bytes in base64. It is kept, "
        "and shown to nobody.",
    )


class Submission(BaseModel):
    """What every request for a job has."""

    model_config = ConfigDict(extra="forbid")

    dataset_id: Identifier
    priority: int = Field(
        5, ge=0, le=9, description="Of one's own jobs, those of a higher one start first."
    )
    max_seconds: float | None = Field(
        None, gt=0, le=MONTH, description="The job fails, with its checkpoint kept, after these."
    )
    device: Device | None = Field(
        None, description="Where it shall run; by default wherever a worker has the memory."
    )
    webhook: WebhookRequest | None = Field(
        None, description="Told once the job has succeeded, failed or been cancelled."
    )
    metadata: Metadata = Field(default_factory=dict, description="Kept with the job as it is.")


class PredictionRequest(Submission):
    """New images to be assigned to the clusters of a job."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PREDICTION_REQUEST]})


class JobRequest(Submission):
    """A clustering to be computed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [examples.JOB_REQUEST, examples.JOB_REQUEST_TUNED]}
    )

    n_clusters: Count = Field(
        description="At most the number of images. auto: chosen from the images, see spectrum."
    )
    method: ChosenMethod = Field(
        default_factory=_default_method,
        description="A method's name, or its name and the hyperparameters that shall differ.",
    )
    preset: Word | None = Field(
        None, description="Constants of a published experiment, under those given in method."
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Same seed, same machine: same labels.")
    ensemble: int = Field(
        1,
        ge=1,
        le=MAX_ENSEMBLE,
        description="So many fits, with this seed and those after it; their mean affinity is "
        "clustered.",
    )
    select: Literal["auto"] | None = Field(
        None,
        description="auto: fit several settings and keep the one with which the others agree most.",
    )
    landmarks: Count | None = Field(
        None,
        description="Fit the method to so many of the images, drawn at random, and express the "
        "others by them: time and memory then grow with N, not with its square. auto: 2000, or 20 "
        "for each cluster if that is more; 4000 if n_clusters is auto.",
    )
    image_size: ImageSize | None = Field(
        None, description="Resize to [height, width], or to a square; needed for mixed sizes."
    )

    @model_validator(mode="after")
    def _several_fits_have_one_purpose(self) -> Self:
        if self.select and self.ensemble > 1:
            message = "select and ensemble cannot be combined: leave out one of them"
            raise ValueError(message)
        return self

    def as_sent(self) -> dict[str, Any]:
        """The part that the job's row keeps as its request."""
        given = self.method.model_dump(mode="json", exclude_unset=True)
        return {
            "n_clusters": self.n_clusters,
            "method": {"method": method_name(self.method)} | given,
            "preset": self.preset,
            "seed": self.seed,
            "ensemble": self.ensemble,
            "select": self.select,
            "landmarks": self.landmarks,
            "image_size": self.image_size,
        }


def method_name(method: Method) -> str:
    return str(type(method).model_fields["method"].default)
