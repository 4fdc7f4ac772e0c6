"""k-means, the method that everybody tries first."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from models.yardstick import Yardstick


class KMeans(Yardstick):
    """k-means (Lloyd, IEEE Trans. IT 1982; Arthur and Vassilvitskii, SODA 2007) by scikit-learn.

        min sum_i ||x_i - mu_(q_i)||_2^2

    over the labels q and the means mu. It has no affinity.
    """

    title: ClassVar[str] = "k-Means"
    citation: ClassVar[str] = (
        "D. Arthur, S. Vassilvitskii: k-means++: The Advantages of Careful Seeding. SODA 2007."
    )
    squares: ClassVar[int] = 0
    has_affinity: ClassVar[bool] = False

    method: Literal["kmeans"] = "kmeans"
    restarts: Annotated[int, Field(ge=1, le=1000)] = Field(
        10, description="The best of so many runs is kept."
    )
    max_iterations: Annotated[int, Field(ge=1, le=100_000)] = Field(
        300, description="Limit of a run."
    )

    def clustered(self, X: Any, n_clusters: int, seed: int) -> Any:
        from models.means import clustered

        return clustered(X, n_clusters, seed, self.restarts, self.max_iterations)
