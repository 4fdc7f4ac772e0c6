"""LSR: the yardstick of all self-expression."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from models.base import Run, Shape
from models.shallow import Expression, Shallow

if TYPE_CHECKING:
    from torch import Tensor


class LSR(Shallow):
    """Least squares regression (Lu et al., ECCV 2012).

        min_C ||X - C X||_F^2 + ridge ||C||_F^2   s.t. diag(C) = 0,

    solved in closed form. Rows of X are images.
    """

    title: ClassVar[str] = "Least Squares Regression"
    citation: ClassVar[str] = (
        "C.-Y. Lu, H. Min, Z.-Q. Zhao, L. Zhu, D.-S. Huang, S. Yan: Robust and Efficient Subspace "
        "Segmentation via Least Squares Regression. ECCV 2012."
    )
    presets: ClassVar[tuple[str, ...]] = ("auto",)

    method: Literal["lsr"] = "lsr"
    ridge: Annotated[float, Field(ge=1e-6, le=1e6)] | Literal["eigengap"] | None = Field(
        None,
        description="Weight of ||C||_F^2 for images of unit length. eigengap: the one of 0.03, "
        "0.1, 0.3, 1, 3, 10 whose affinity has the largest relative eigengap.",
    )

    def rule(self, shape: Shape, n_clusters: int) -> dict[str, Any]:
        return super().rule(shape, n_clusters) | {"ridge": "eigengap"}

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:
        from functools import partial

        from models.ridge import start

        found = start(X, self, n_clusters, partial(run.report, "initialising"))
        return Expression(found.C, found.figures)
