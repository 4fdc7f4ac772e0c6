"""KSSC: SSC in the feature space of a kernel."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from models.base import Run
from models.hyperparameters import Kind
from models.shallow import Expression, Shallow, Tolerance
from models.sparsity import lasso_of

if TYPE_CHECKING:
    from torch import Tensor


class KSSC(Shallow):
    """Kernel sparse subspace clustering (Patel and Vidal, ICIP 2014).

        min_C ||C||_1 + lambda/2 tr((I - C) K (I - C)^T)   s.t. diag(C) = 0

    with the kernel matrix K: polynomial (x^T y + offset)^degree, or Gaussian
    exp(-||x - y||^2 / (2 (width s)^2)), s the median distance of two images. lambda is
    alpha / min_i max_j |k_ij|, as in SSC.
    """

    title: ClassVar[str] = "Kernel Sparse Subspace Clustering"
    citation: ClassVar[str] = (
        "V. M. Patel, R. Vidal: Kernel Sparse Subspace Clustering. IEEE ICIP 2014."
    )
    presets: ClassVar[tuple[str, ...]] = ("auto",)
    usual_affinity: ClassVar[Kind] = "plain"

    method: Literal["kssc"] = "kssc"
    kernel: Literal["polynomial", "gaussian"] = Field("gaussian", description="Kind of kernel.")
    degree: Annotated[int, Field(ge=1, le=10)] = Field(2, description="Of the polynomial.")
    offset: Annotated[float, Field(ge=-1e6, le=1e6)] = Field(
        0.0, description="Of the polynomial; below zero the kernel may not be one."
    )
    width: Annotated[float, Field(gt=0, le=1e3)] = Field(
        0.7, description="Of the Gaussian, in units of the median distance of two images."
    )
    alpha: Annotated[float, Field(gt=0, le=1e6)] = Field(
        3.0, description="Weight of the fit, in units of the least that expresses every image."
    )
    tolerance: Tolerance = Field(1e-3, description="Of the optimality conditions, relative.")

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:  # noqa: ARG002
        from models.solvers import kernels

        if self.kernel == "gaussian":
            K = kernels.gaussian(X, self.width)
        else:
            K = kernels.polynomial(X, self.degree, self.offset)
        return lasso_of(K, self.alpha, self.tolerance, self.title, run)
