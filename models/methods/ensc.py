"""EnSC: self-expression by the elastic net."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from models.base import Run
from models.shallow import Expression, Shallow, Tolerance
from models.sparsity import elastic_net_of

if TYPE_CHECKING:
    from torch import Tensor


class EnSC(Shallow):
    """Elastic net subspace clustering (You, Li, Robinson, Vidal, CVPR 2016).

        min_c tau ||c||_1 + (1 - tau)/2 ||c||_2^2 + gamma_i/2 ||x_i - c X||_2^2   s.t. c_i = 0

    for each image x_i, with gamma_i = gamma tau / max_j |x_i^T x_j|: with gamma = 1 all c are zero.
    """

    title: ClassVar[str] = "Elastic Net Subspace Clustering"
    citation: ClassVar[str] = (
        "C. You, C.-G. Li, D. P. Robinson, R. Vidal: Oracle Based Active Set Algorithm for "
        "Scalable Elastic Net Subspace Clustering. CVPR 2016."
    )
    presets: ClassVar[tuple[str, ...]] = ("auto",)

    method: Literal["ensc"] = "ensc"
    tau: Annotated[float, Field(ge=0.01, le=1)] = Field(
        0.7, description="Share of the l1 norm; 1 is the lasso."
    )
    gamma: Annotated[float, Field(gt=1, le=1e6)] = Field(
        5.0, description="Weight of the fit, in units of the least that expresses an image."
    )
    tolerance: Tolerance = Field(1e-3, description="Of the optimality conditions, relative.")

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:  # noqa: ARG002
        return elastic_net_of(X @ X.T, self.tau, self.gamma, self.tolerance, self.title, run)
