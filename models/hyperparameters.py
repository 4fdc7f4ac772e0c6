"""Hyperparameters that several modules share; imports no torch."""

from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Norm = Literal["l1", "l2"]
HeadLoss = Literal["cross_entropy", "printed"]
Precision = Literal["highest", "medium", "bf16"]
Spectrum = Literal["magnitude", "positive"]
View = Literal["plain", "mirror", "contrast", "contrast_mirror"]
Kind = Literal["processed", "plain", "ssc", "lrr", "edsc", "unit_rows"]
AFFINITY = (
    "What is clustered. plain: (|C| + |C^T|) / 2. processed: C cleaned up as postprocessing says. "
    "The others are authors' own. ssc: each row of |C| over its largest entry (Elhamifar and "
    "Vidal). unit_rows: rows of unit length (You et al.). lrr: the fourth power of the angles "
    "between the rows of U S^(1/2), C = U S V^T (Liu et al.). edsc: the same of rank d n + 1 and "
    "the power of postprocessing (Ji et al.)."
)
Assign = Literal["kmeans", "cluster_qr", "discretize"]


class Layer(NamedTuple):
    """A convolution of the encoder, stride 2: a square kernel's side and the output channels."""

    kernel: Annotated[int, Field(ge=2, le=15)]
    channels: Annotated[int, Field(ge=1, le=512)]


class PostProcessing(BaseModel):
    """The clean-up of C known as ``post_proC`` (Ji et al., NIPS 2017, released code).

    Keep the largest entries up to a share of the l1 mass, take the part of rank d n + 1, compare
    the images' rows by their angle and sharpen the result by a power.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(
        1.0, gt=0, le=1, description="rho: share of the l1 mass of C that is kept; 1 keeps all."
    )
    threshold_axis: Literal["row", "column"] = Field(
        "row", description="Whether the share is of each image's own coefficients or of its uses."
    )
    dimension: int = Field(
        10, ge=1, le=100, description="d: assumed dimension of a subspace; the rank is d n + 1."
    )
    power: float = Field(3.5, gt=0, le=20, description="Exponent that sharpens the affinity.")
    unit_diagonal: bool = Field(
        False, description="Set the diagonal of C to 1 before the decomposition."
    )
    spectrum: Spectrum = Field(
        "magnitude",
        description="Which eigenpairs of C make its low-rank part: the largest in magnitude, or "
        "the largest positive ones. With diag(C) = 0 the trace is 0, and negative eigenvalues of "
        "C are as large as positive ones without telling clusters apart.",
    )
    neighbours: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="Keep each image's k largest affinities to others; null keeps all."
    )


class StageOne(BaseModel):
    """The auto-encoder and its training on L0, for deep methods and those on its features."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    needs_images: ClassVar[bool] = True

    encoder: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=8)] | None = Field(
        None,
        description="Convolutions of stride 2 as [kernel, channels]; the decoder mirrors them.",
    )
    pixel_scale: Annotated[float, Field(gt=0, le=65535)] | None = Field(
        None, description="Pixels in [0, 1] are multiplied by this."
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(1e-3, description="Adam's.")
    pretrain_batch: Annotated[int, Field(ge=1, le=100_000)] = Field(
        64, description="Images in a minibatch of stage I."
    )
    pretrain_tolerance: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.02,
        description="Stage I ends when L0 falls by less than this share from one window of "
        "pretrain_window gradient steps to the next.",
    )
    pretrain_window: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        1000, description="Gradient steps between two looks at L0 in stage I."
    )
    pretrain_floor: Annotated[float, Field(ge=0, lt=1)] = Field(
        1e-3, description="Stage I ends when L0 is below this share of ||X||_F^2 / 2."
    )
    pretrain_max_steps: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        30_000, description="Gradient steps after which stage I ends in any case."
    )
    pretrain_max_epochs: Annotated[int, Field(ge=1, le=100_000)] = Field(
        3000, description="Passes over all images after which stage I ends in any case."
    )
