"""Spectral clustering on a graph of nearest neighbours."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from models.base import Shape
from models.hyperparameters import Assign
from models.yardstick import Yardstick


class Spectral(Yardstick):
    """Spectral clustering (Ng, Jordan, Weiss, NIPS 2001) on the graph of nearest neighbours.

    Each image is joined to those nearest to it by the Euclidean distance of pixels; the affinity is
    the mean of both directions, as in scikit-learn's SpectralClustering.
    """

    title: ClassVar[str] = "Spectral Clustering"
    citation: ClassVar[str] = (
        "A. Y. Ng, M. I. Jordan, Y. Weiss: On Spectral Clustering: Analysis and an Algorithm. "
        "NIPS 2001."
    )
    squares: ClassVar[int] = 16

    method: Literal["spectral"] = "spectral"
    neighbours: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="Of an image in the graph; by the rule 10, or fewer if N/n is."
    )
    assign: Assign = Field(
        "kmeans", description="How rows of the spectral embedding become clusters."
    )

    def check(self, shape: Shape) -> None:
        if self.neighbours is not None and self.neighbours >= shape.n_images:
            message = (
                f"neighbours is {self.neighbours}, but an image has {shape.n_images - 1} others: "
                f"choose 1 to {shape.n_images - 1}"
            )
            raise ValueError(message)

    def rule(self, shape: Shape, n_clusters: int) -> dict[str, Any]:
        per_cluster = round(shape.n_images / n_clusters)
        return super().rule(shape, n_clusters) | {"neighbours": min(max(per_cluster - 1, 1), 10)}

    def clustered(self, X: Any, n_clusters: int, seed: int) -> Any:
        from models.neighbours import clustered

        return clustered(X, n_clusters, self.neighbours or 1, seed, self.assign)
