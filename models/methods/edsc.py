"""EDSC: self-expression with the Frobenius norm."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.base import Run, Shape
from models.presets import names
from models.shallow import SOLVING, Expression, Iterations, Shallow, Tolerance, limit

if TYPE_CHECKING:
    from torch import Tensor


class EDSC(Shallow):
    """Efficient dense subspace clustering (Ji, Salzmann, Li, WACV 2014).

        linear    min_C ||C||_F^2 + fidelity ||X - C X||_F^2
        affine    the same s.t. C 1 = 1
        outliers  min 1/2 ||C||_F^2 + fidelity/2 ||X - D - E||_F^2 + sparsity ||E||_1
                  s.t. D = C D

    Rows of X are images. The first two are closed forms. In the third C is the projector onto the
    columns of D, and D and E are found in turns.
    """

    title: ClassVar[str] = "Efficient Dense Subspace Clustering"
    citation: ClassVar[str] = (
        "P. Ji, M. Salzmann, H. Li: Efficient Dense Subspace Clustering. WACV 2014."
    )
    presets: ClassVar[tuple[str, ...]] = names("edsc")

    method: Literal["edsc"] = "edsc"
    fidelity: Annotated[float, Field(gt=0, le=1e6)] = Field(
        1.0, description="Weight of the fit; for images of unit length unless unit_norm is off."
    )
    outliers: bool = Field(False, description="Whether a few pixels may be far off.")
    sparsity: Annotated[float, Field(gt=0, le=1e6)] = Field(
        0.01, description="Weight of the outliers' l1 norm."
    )
    affine: bool = Field(False, description="Whether subspaces need not contain zero.")
    tolerance: Tolerance = Field(
        1e-3, description="With outliers: largest change of one in a step, against the data's."
    )
    max_iterations: Iterations = Field(200, description="Limit of the steps with outliers.")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.outliers and self.affine:
            message = "outliers and affine cannot be combined: set one of them to false"
            raise ValueError(message)
        return self

    def check(self, shape: Shape) -> None:
        if self.affine and shape.n_images < 3:  # noqa: PLR2004 - two others must be mixed
            message = "affine: needs 3 images or more, so that each is a mixture of others"
            raise ValueError(message)

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:  # noqa: ARG002
        from models.solvers import ridge

        if not self.outliers:
            solve = ridge.affine if self.affine else ridge.unconstrained
            return Expression(solve(X @ X.T, self.fidelity))
        return self._robust(X, run)

    def _robust(self, X: "Tensor", run: Run) -> Expression:
        from functools import partial

        from models.solvers import ridge

        found = ridge.outliers(
            X,
            self.fidelity,
            self.sparsity,
            self.tolerance * float(X.abs().max()),
            self.max_iterations,
            partial(run.report, SOLVING),
        )
        return Expression(
            found.C, {"rank": found.rank, "residual": found.residual}, limit(self.title, found)
        )
