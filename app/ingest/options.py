"""What the reader of uploads is told, and what it answers."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.records import Notice

Kind = Literal["zip", "tar", "tar.gz", "npz", "npy", "mat"]
Content = Literal["images", "features"]
EXPANSION = 2
"""An unpacked upload may be this much larger than the data set (float64 becomes float32)."""


class IngestOptions(BaseModel):
    """What the user says about an upload; part of a data set's identity.

    ``truth``: ``folders`` takes the class folders of an archive as ground truth; ``none`` stores no
    truth, even where there are labels; by default a labels.csv or an array of labels is truth.
    ``shape`` and ``order`` say how a row of a .mat file's ``fea`` is an image: ``HxW`` or
    ``HxWxC``, by default a square; ``F`` (the default) is MATLAB's way, column by column.
    ``kind`` says whether an array holds images or feature vectors; by default its name and its
    dimensions say so, and ``fea`` of a .mat file holds images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    truth: Literal["folders", "none"] | None = Field(
        None, description="Where ground truth is: in class folders, or nowhere."
    )
    shape: Annotated[str, Field(pattern=r"^[1-9]\d{0,5}x[1-9]\d{0,5}(x[13])?$")] | None = Field(
        None,
        description="Height x width (x channels) of an image in a .mat file.",
        examples=["32x32"],
    )
    order: Literal["C", "F"] | None = Field(
        None, description="How a .mat file's rows run through an image: by rows (C) or columns (F)."
    )
    kind: Content | None = Field(
        None,
        description="What an array holds; by default an N x D array holds feature vectors, one of "
        "more dimensions and a .mat file images.",
    )


class Limits(BaseModel):
    """What one upload may cost; the reading process keeps to them and is held to them."""

    model_config = ConfigDict(frozen=True)

    dataset_bytes: int
    expanded_bytes: int
    images: int
    image_pixels: int
    seconds: float
    memory_bytes: int


class Order(BaseModel):
    """What the reading process gets on its standard input."""

    source: str
    kind: Kind
    options: IngestOptions
    limits: Limits


class Ingested(BaseModel):
    """A data set in canonical form; height and width are None if images differ in size."""

    model_config = ConfigDict(frozen=True)

    n_images: int
    height: int | None
    width: int | None
    channels: int
    dtype: str
    classes: list[str] | None
    bytes: int
    notices: list[Notice]


class Refusal(BaseModel):
    """A domain error on its way from the reading process: its class's name and its contents."""

    error: str
    detail: str
    members: dict[str, Any] = Field(default_factory=dict)


class Outcome(BaseModel):
    """What the reading process leaves behind: one of the two."""

    ingested: Ingested | None = None
    refusal: Refusal | None = None
