"""SSC-OMP: sparse self-expression, greedily."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from models.base import Run, Shape
from models.hyperparameters import Kind
from models.presets import names
from models.shallow import SOLVING, Expression, Shallow

if TYPE_CHECKING:
    from torch import Tensor


class SSCOMP(Shallow):
    """SSC by orthogonal matching pursuit (You, Robinson, Vidal, CVPR 2016).

        min_c ||x_i - c X||_2^2   s.t. ||c||_0 <= coefficients, c_i = 0,

    greedily, for each image x_i.
    """

    title: ClassVar[str] = "SSC by Orthogonal Matching Pursuit"
    citation: ClassVar[str] = (
        "C. You, D. P. Robinson, R. Vidal: Scalable Sparse Subspace Clustering by Orthogonal "
        "Matching Pursuit. CVPR 2016."
    )
    presets: ClassVar[tuple[str, ...]] = names("ssc-omp")
    usual_affinity: ClassVar[Kind] = "plain"

    method: Literal["ssc-omp"] = "ssc-omp"
    coefficients: Annotated[int, Field(ge=1, le=1000)] = Field(
        3, description="Of an image at most (k)."
    )
    tolerance: Annotated[float, Field(ge=0, lt=1)] = Field(
        1e-6, description="An image is done when this share of its squared length is left."
    )

    def check(self, shape: Shape) -> None:
        if self.coefficients >= shape.n_images:
            message = (
                f"coefficients is {self.coefficients}, but an image has {shape.n_images - 1} "
                f"others: choose 1 to {shape.n_images - 1}"
            )
            raise ValueError(message)

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:  # noqa: ARG002
        from functools import partial

        from models.solvers.omp import matching_pursuit

        tell = partial(run.report, SOLVING)
        return Expression(matching_pursuit(X @ X.T, self.coefficients, self.tolerance, tell))
