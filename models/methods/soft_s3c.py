"""S3C: sparse self-expression and segmentation in turns."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from models.base import Run
from models.methods.ssc import SSC
from models.presets import names
from models.shallow import Expression, Iterations

if TYPE_CHECKING:
    from torch import Tensor


class S3C(SSC):
    """Structured sparse subspace clustering (Li and Vidal, CVPR 2015; Li, You, Vidal, 2017).

        min_{C,Q} ||C||_1 + strength sum_ij |c_ij| Theta_ij + fit   s.t. diag(C) = 0,
        Theta_ij = 1/2 ||q_i - q_j||^2,

    with SSC's fits. In turns: C by SSC with weights 1 + strength Theta, and Q by spectral
    clustering of C; soft, the rows of the spectral embedding at unit length, or hard, the labels.
    """

    title: ClassVar[str] = "Structured Sparse Subspace Clustering"
    citation: ClassVar[str] = (
        "C.-G. Li, C. You, R. Vidal: Structured Sparse Subspace Clustering: A Joint Affinity "
        "Learning and Subspace Clustering Framework. IEEE TIP 26(6), 2017."
    )
    presets: ClassVar[tuple[str, ...]] = names("soft-s3c")

    method: Literal["soft-s3c"] = "soft-s3c"  # type: ignore[assignment]
    strength: Annotated[float, Field(ge=0, le=1e4)] = Field(
        0.1, description="Weight of the segmentation in the norm of C (alpha in the papers)."
    )
    segmentation: Literal["soft", "hard"] = Field("soft", description="What Q is.")
    rounds: Iterations = Field(10, description="Of C and Q at most.")
    settled: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.01, description="The rounds end when Theta changes by less in the mean."
    )

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:
        from models.structure import alternate

        return alternate(self, X, n_clusters, run)
