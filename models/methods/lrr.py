"""LRR: low-rank self-expression with corrupted images."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from models.base import Run
from models.presets import names
from models.shallow import SOLVING, Expression, Iterations, Shallow, Tolerance, limit

if TYPE_CHECKING:
    from torch import Tensor


class LRR(Shallow):
    """Low-rank representation (Liu et al., ICML 2010, IEEE TPAMI 2013).

        min_C ||C||_* + penalty ||X - C X||_{2,1}

    with the l2,1 norm the sum over images of their residual's length: whole images may be far off.
    """

    title: ClassVar[str] = "Low-Rank Representation"
    citation: ClassVar[str] = (
        "G. Liu, Z. Lin, S. Yan, J. Sun, Y. Yu, Y. Ma: Robust Recovery of Subspace Structures by "
        "Low-Rank Representation. IEEE TPAMI 35(1), 2013."
    )
    presets: ClassVar[tuple[str, ...]] = names("lrr")

    method: Literal["lrr"] = "lrr"
    penalty: Annotated[float, Field(gt=0, le=1e6)] = Field(
        1.0, description="lambda: weight of the residuals' lengths."
    )
    tolerance: Tolerance = Field(1e-3, description="Of the duality gap, relative.")
    max_iterations: Iterations = Field(1000, description="Limit of ADMM.")

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:  # noqa: ARG002
        from functools import partial

        from models.solvers.lowrank import low_rank

        found = low_rank(
            X,
            self.penalty,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            tell=partial(run.report, SOLVING),
        )
        figures = {"objective": found.objective, "residual": found.residual}
        return Expression(found.C, figures, limit(self.title, found))
