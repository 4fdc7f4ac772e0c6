"""DASC: DSC-Net whose features are trained against a discriminator of subspaces."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from models.automatic import automatic_encoder, automatic_postprocessing
from models.base import Shape
from models.methods.s2convscn import S2ConvSCN, Weight
from models.sizes import discriminator_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from models.network import Network
    from models.objective import Objective

SHARE = 1 / 15
"""gamma5 beside gamma2, by the rule."""


class DASC(S2ConvSCN):
    """Deep adversarial subspace clustering (Zhou et al., CVPR 2018).

    DSC-Net is the generator: beside its features it makes fakes, random combinations of the
    features of one cluster. A discriminator holds one basis U_i (p x r) per cluster and judges by
    the projection residual L_r(z) = ||z - U_i U_i^T z||^2 of z at unit length. It minimises

        D = mean L_r(real) + [margin - mean L_r(fake)]_+
            + beta1 mean ||U_i^T U_j||_F^2 + beta2 mean ||U_i^T U_i - I||_F^2,

    the generator

        L = gamma0 L0 + gamma1 L1 + gamma2 L2 + gamma5 L5,

    with L5 the mean of L_r(fake), counted as L2 is. Clusters are those of C, renewed every T0
    epochs. Defaults are a reimplementation's or this rule's: the authors' are not public.
    """

    title: ClassVar[str] = "Deep Adversarial Subspace Clustering"
    citation: ClassVar[str] = (
        "P. Zhou, Y. Hou, J. Feng: Deep Adversarial Subspace Clustering. CVPR 2018."
    )

    constants: ClassVar[frozenset[str]] = frozenset({"gamma3", "gamma4", "final_labels"})

    method: Literal["dasc"] = "dasc"  # type: ignore[assignment]
    gamma3: Literal[0] = Field(0, description="No ||C||_Q.")
    gamma4: Literal[0] = Field(0, description="No head.")
    final_labels: Literal["spectral"] = Field("spectral", description="There is no head to answer.")
    gamma5: Weight | None = Field(
        None, description="Weight of L5, the residual of the fakes; 0 is DSC-Net."
    )
    subspace_dimension: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None,
        description="r: columns of each basis; at most as many as a cluster has images on average, "
        "or features are.",
    )
    real_share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.9,
        description="Share of a cluster's images that D fits: those of the smallest residual.",
    )
    margin: Annotated[float, Field(ge=0, le=1)] = Field(
        0.1, description="Residual of a cluster's fakes from which on they cost D nothing."
    )
    beta1: Weight = Field(0.01, description="Weight of the overlap of two clusters' bases in D.")
    beta2: Weight = Field(0.01, description="Weight in D of how far bases are from orthonormal.")
    discriminator_steps: Annotated[int, Field(ge=1, le=100)] = Field(
        5, description="Steps of D in an epoch."
    )
    discriminator_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        2e-4, description="Adam's rate for D."
    )

    @property
    def follows_labels(self) -> bool:
        return self.gamma5 != 0

    def memory_bytes(self, shape: Shape, n_clusters: int) -> int:
        encoder = self.encoder or automatic_encoder(shape)
        dimension = self.subspace_dimension or automatic_dimension(shape, n_clusters)
        own = discriminator_bytes(shape, n_clusters, encoder, dimension)
        return super().memory_bytes(shape, n_clusters) + own

    def objective(self, network: "Network", X: "Tensor", seed: int) -> "Objective":
        from models.adversarial import Adversarial

        return Adversarial(self, network, X, seed)

    def _rule(self, shape: Shape, n_clusters: int) -> dict[str, Any]:
        rule = super()._rule(shape, n_clusters)
        gamma2 = rule["gamma2"] if self.gamma2 is None else self.gamma2
        own = {
            "gamma5": SHARE * gamma2,
            "subspace_dimension": automatic_dimension(shape, n_clusters),
        }
        return rule | own


def automatic_dimension(shape: Shape, n_clusters: int) -> int:
    """The clean-up's d, but less than a cluster has images on average."""
    per_cluster = shape.n_images / n_clusters
    return max(min(automatic_postprocessing(per_cluster).dimension, int(per_cluster) - 1), 1)
