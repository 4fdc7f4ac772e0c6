"""Hyperparameters that several modules share; imports no torch."""

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Norm = Literal["l1", "l2"]
HeadLoss = Literal["cross_entropy", "printed"]
Precision = Literal["highest", "medium", "bf16"]
Spectrum = Literal["magnitude", "positive"]
View = Literal["plain", "mirror", "contrast", "contrast_mirror"]
Kind = Literal["processed", "plain"]
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
