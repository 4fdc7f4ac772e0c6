"""LRSC: low-rank self-expression in closed form."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from models.base import Run
from models.shallow import SOLVING, Expression, Iterations, Shallow, Tolerance, limit

if TYPE_CHECKING:
    from torch import Tensor


class LRSC(Shallow):
    """Low-rank subspace clustering (Favaro, Vidal, Ravichandran, CVPR 2011; Vidal, Favaro, 2014).

        relaxed   min_C   ||C||_* + tau/2 ||X - C X||_F^2
        noisy     min_A,C ||C||_* + tau/2 ||A - C A||_F^2 + alpha/2 ||X - A||_F^2
        outliers  the same with alpha/2 ||X - A - E||_F^2 + gamma ||E||_1

    all s.t. C = C^T. Rows of X are images. The first two are one decomposition of X and a function
    of its singular values, the third takes A, C and E in turns. tau, alpha and gamma are in units
    of 1 / ||X||_2^2, tau, and alpha.
    """

    title: ClassVar[str] = "Low-Rank Subspace Clustering"
    citation: ClassVar[str] = (
        "R. Vidal, P. Favaro: Low Rank Subspace Clustering (LRSC). Pattern Recognition Letters 43, "
        "2014."
    )
    presets: ClassVar[tuple[str, ...]] = ("auto",)

    method: Literal["lrsc"] = "lrsc"
    form: Literal["relaxed", "noisy", "outliers"] = Field("relaxed", description="Of the problem.")
    tau: Annotated[float, Field(gt=1, le=1e9)] = Field(
        3000.0,
        description="Weight of the fit in units of 1 / ||X||_2^2: singular values below "
        "||X||_2 / sqrt(tau) are left out.",
    )
    alpha: Annotated[float, Field(gt=0, le=1e6)] = Field(
        0.5, description="Weight of the noise in units of tau."
    )
    gamma: Annotated[float, Field(gt=0, le=1e6)] = Field(
        0.1, description="Weight of the outliers in units of alpha and of the largest pixel."
    )
    tolerance: Tolerance = Field(1e-5, description="Mean change of A in a step, with outliers.")
    max_iterations: Iterations = Field(150, description="Limit of the steps with outliers.")

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:  # noqa: ARG002
        from models.solvers import shrinkage

        tau = self.tau / shrinkage.largest(X) ** 2
        if self.form == "relaxed":
            return Expression(shrinkage.relaxed(X, tau))
        if self.form == "noisy":
            return Expression(shrinkage.noisy(X, tau, self.alpha * tau))
        return self._robust(X, tau, run)

    def _robust(self, X: "Tensor", tau: float, run: Run) -> Expression:
        from functools import partial

        from models.solvers import shrinkage

        alpha = self.alpha * tau
        found = shrinkage.outliers(
            X,
            tau,
            alpha,
            self.gamma * alpha * float(X.abs().max()),
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            tell=partial(run.report, SOLVING),
        )
        return Expression(found.C, {"residual": found.residual}, limit(self.title, found))
