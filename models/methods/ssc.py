"""SSC: sparse self-expression by the l1 norm."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from models.base import Run, Shape
from models.hyperparameters import Kind
from models.presets import names
from models.shallow import Expression, Iterations, Shallow, Tolerance
from models.sparsity import lasso_of, outliers_of

if TYPE_CHECKING:
    from torch import Tensor


class SSC(Shallow):
    """Sparse subspace clustering (Elhamifar and Vidal, IEEE TPAMI 2013).

        lasso     min_C ||C||_1 + lambda/2 ||X - C X||_F^2    s.t. diag(C) = 0
        outliers  min_C ||C||_1 + lambda_e ||X - C X||_1      s.t. diag(C) = 0

    and, for affine subspaces, C 1 = 1. Rows of X are images. As in the released code lambda is
    alpha / min_i max_j |x_i^T x_j|, below which with alpha = 1 some C would be zero, and lambda_e
    is alpha / max_i ||x_i||_1. The lasso of linear subspaces is solved by working sets on the Gram
    matrix, the rest by ADMM.
    """

    title: ClassVar[str] = "Sparse Subspace Clustering"
    citation: ClassVar[str] = (
        "E. Elhamifar, R. Vidal: Sparse Subspace Clustering: Algorithm, Theory, and Applications. "
        "IEEE TPAMI 35(11), 2013."
    )
    presets: ClassVar[tuple[str, ...]] = names("ssc")
    usual_affinity: ClassVar[Kind] = "plain"

    method: Literal["ssc"] = "ssc"
    alpha: Annotated[float, Field(gt=0, le=1e6)] = Field(
        5.0, description="Weight of the fit, in units of the least that expresses every image."
    )
    outliers: bool = Field(False, description="Whether a few pixels may be far off: l1 fit.")
    affine: bool = Field(False, description="Whether subspaces need not contain zero.")
    tolerance: Tolerance = Field(
        1e-3, description="Of the optimality conditions (lasso) or residuals (ADMM), relative."
    )
    max_iterations: Iterations = Field(500, description="Limit of ADMM.")

    def check(self, shape: Shape) -> None:
        if self.affine and shape.n_images < 3:  # noqa: PLR2004 - two others must be mixed
            message = "affine: needs 3 images or more, so that each is a mixture of others"
            raise ValueError(message)

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:  # noqa: ARG002
        if self.outliers or self.affine:
            return outliers_of(self, X, run)
        return lasso_of(X @ X.T, self.alpha, self.tolerance, self.title, run)
