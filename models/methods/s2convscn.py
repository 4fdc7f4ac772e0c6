"""S2ConvSCN: its problem, its hyperparameters, its presets and the rule that fills in the rest."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from models import presets
from models.automatic import PIXEL_SCALE, automatic_encoder, automatic_postprocessing
from models.base import Candidate, Clustering, FloatArray, Method, Run, Shape
from models.hyperparameters import (
    AFFINITY,
    Assign,
    HeadLoss,
    Kind,
    Norm,
    PostProcessing,
    Precision,
    StageOne,
    View,
)
from models.sizes import features, training_bytes
from models.variants import candidates

if TYPE_CHECKING:
    from torch import Tensor

    from models.network import Network
    from models.objective import Objective

Weight = Annotated[float, Field(ge=0, le=1e9)]
Epochs = Annotated[int, Field(ge=0, le=100_000)]


class S2ConvSCN(StageOne, Method):
    """Self-supervised convolutional subspace clustering (Zhang et al., CVPR 2019).

    An auto-encoder Z = f(X), X_hat = g(Z C), coefficients C with diag(C) = 0 and a head y = h(Z)
    minimise

        L = gamma0 L0 + gamma1 L1 + gamma2 L2 + gamma3 L3 + gamma4 L4                    (eq. 7)

    with L0 = 1/2 ||X - X_hat||_F^2, L1 = ||C||_1 or ||C||_F^2, L2 = 1/2 ||Z - Z C||_F^2,
    L3 = ||C||_Q and L4 the classification and centre loss of the head, where Q are the labels that
    spectral clustering of C gave last, renewed every T0 epochs (Algorithm 1).

    A field left empty is filled in by the preset or, with ``auto``, by a rule that knows the sizes
    of the data alone.
    """

    title: ClassVar[str] = "Self-Supervised Convolutional Subspace Clustering Network"
    citation: ClassVar[str] = (
        "J. Zhang, C.-G. Li, C. You, X. Qi, H. Zhang, J. Guo, Z. Lin: Self-Supervised "
        "Convolutional Subspace Clustering Network. CVPR 2019."
    )
    presets: ClassVar[tuple[str, ...]] = presets.NAMES
    constants: ClassVar[frozenset[str]] = frozenset()
    """Hyperparameters that the method itself fixes, whatever a preset says."""

    method: Literal["s2convscn"] = "s2convscn"
    norm: Norm = Field("l1", description="L1: the l1 norm of C, or its squared Frobenius norm.")
    view: View | Literal["eigengap"] | None = Field(
        None,
        description="What the network sees. plain: the images. mirror: each averaged with its "
        "mirror image. contrast: local contrast normalised. contrast_mirror: both. eigengap: of "
        "these, the one in which closed forms and an elastic net on pixels have the largest "
        "relative eigengap times the cube of their partitions' agreement, if that exceeds plain's "
        "by a tenth and the eigengap itself is as wide as plain's.",
    )
    cost_scale: Literal["sum", "relative"] | None = Field(
        None,
        description="sum: the costs as DSC-Net sums them. relative: L0 as a share of ||X||^2, "
        "features of unit norm, L4 times N, so that weights mean the same for any data.",
    )
    gamma0: Weight = Field(1.0, description="Weight of the reconstruction L0 (1 in the paper).")
    gamma1: Weight | None = Field(None, description="Weight of the regularisation L1 of C.")
    gamma2: Weight | None = Field(None, description="Weight of the self-expression L2.")
    gamma3: Weight | None = Field(None, description="Weight of ||C||_Q, L3.")
    gamma4: Weight | None = Field(None, description="Weight of the head's loss L4.")
    tau: Annotated[float, Field(ge=0, le=1)] = Field(
        0.1, description="Weight of the centre loss inside L4."
    )
    head_loss: HeadLoss = Field(
        "cross_entropy", description="Classification term of eq. 6: cross-entropy, or as printed."
    )
    coefficient_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Adam's rate for C; the presets' is the learning_rate of the rest."
    )
    initial_coefficients: Literal["constant", "closed_form", "eigengap"] | None = Field(
        None,
        description="C starts as a small constant, as the ridge solution on stage I's Z, or as "
        "what has the largest relative eigengap of the ridge solutions and an elastic net.",
    )
    initial_value: Annotated[float, Field(ge=0, le=1)] = Field(
        1e-4, description="The constant off the diagonal."
    )
    ridge: Annotated[float, Field(ge=1e-6, le=1e6)] | Literal["eigengap"] | None = Field(
        None,
        description="Ridge of the closed form on features of unit norm. eigengap: the one of "
        "0.03, 0.1, 0.3, 1, 3, 10 whose affinity has the largest relative eigengap.",
    )
    zero_diagonal: bool = Field(True, description="Keep diag(C) = 0.")
    self_expression_epochs: Epochs | None = Field(
        None, description="Epochs on L0, L1, L2 alone before the first Q (DSC-Net, Remark 2)."
    )
    round_epochs: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="T0: epochs between two spectral clusterings."
    )
    epochs: Epochs | None = Field(None, description="Tmax: epochs of stage II.")
    renewal: Literal["anew", "refine"] | None = Field(
        None,
        description="How spectral clustering renews Q. anew: from nothing. refine: by k-means from "
        "the last Q, moving single images, for a C whose first Q is good.",
    )
    affinity: Kind = Field("processed", description=AFFINITY)
    postprocessing: PostProcessing | None = Field(
        None, description="Constants of the post-processing."
    )
    assign: Assign = Field(
        "kmeans", description="How rows of the spectral embedding become clusters."
    )
    precision: Precision = Field(
        "highest",
        description="Of stage II's matrix products. highest: fp32. medium: what torch calls so, "
        "TF32 or bf16 inside where processor or GPU have units for it, else fp32. bf16: factors "
        "and products rounded to 8 bits, about 0.4 % of the largest entry. Both are faster; costs "
        "and labels differ from those of fp32.",
    )
    final_labels: Literal["spectral", "head"] = Field(
        "spectral", description="Whose answer the labels are; both are kept."
    )

    @model_validator(mode="after")
    def _head_answers_only_if_trained(self) -> Self:
        if self.final_labels == "head" and (self.gamma4 == 0 or self.epochs == 0):
            message = "final_labels 'head' needs a trained head: set gamma4 and epochs above 0"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _something_is_minimised(self) -> Self:
        if self.gamma0 == self.gamma1 == self.gamma2 == 0:
            message = "gamma0, gamma1 and gamma2 are all 0: set at least one above 0"
            raise ValueError(message)
        return self

    def with_preset(self, name: str, n_clusters: int) -> Self:
        known = presets.hyperparameters(name, n_clusters)
        values = {key: value for key, value in known.items() if key not in self.constants}
        explicit = {key: getattr(self, key) for key in self.model_fields_set}
        return type(self).model_validate({**values, **explicit})

    def resolve(self, shape: Shape, n_clusters: int) -> Self:
        rule = self._rule(shape, n_clusters)
        missing = {k: v for k, v in rule.items() if getattr(self, k) is None}
        return self.model_copy(update=missing)

    def candidates(self) -> tuple[Candidate, ...]:
        return candidates(self)

    @property
    def trains_head(self) -> bool:
        return bool(self.gamma4 and self.epochs)

    @property
    def follows_labels(self) -> bool:
        """Whether a cost depends on Q; a weight that is left empty will be above 0."""
        return not self.gamma3 == self.gamma4 == 0

    def memory_bytes(self, shape: Shape, n_clusters: int) -> int:
        return training_bytes(shape, n_clusters, self.encoder or automatic_encoder(shape))

    def features(self, shape: Shape) -> int:
        return features(shape, self.encoder or automatic_encoder(shape))

    def objective(self, network: "Network", X: "Tensor", seed: int) -> "Objective":  # noqa: ARG002 - for those whose costs are drawn
        """The costs of an epoch of stage II on X (N, channels, H, W)."""
        from models.objective import Objective

        return Objective(self, network, X)

    def fit(self, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
        from models.training import fit

        n, channels, height, width = images.shape
        settings = self.resolve(Shape(n, channels, height, width), n_clusters)
        return fit(settings, images, n_clusters, run)

    def _rule(self, shape: Shape, n_clusters: int) -> dict[str, Any]:
        """The ``auto`` rule: from N, image size and n, never from pixels or labels."""
        per_cluster = shape.n_images / n_clusters
        fixed = self.ridge not in (None, "eigengap")
        return {
            "encoder": automatic_encoder(shape),
            "pixel_scale": PIXEL_SCALE,
            "cost_scale": "relative",
            "view": "eigengap",
            "gamma1": 1e-4,
            "gamma2": 0.3,
            "gamma3": 0.01,
            "gamma4": 0.1,
            "coefficient_rate": 0.1 / shape.n_images,
            "ridge": "eigengap",
            "initial_coefficients": "closed_form" if fixed else "eigengap",
            "self_expression_epochs": 0,
            "round_epochs": 10,
            "renewal": "refine" if self.follows_labels else "anew",
            "epochs": 50,
            "postprocessing": automatic_postprocessing(per_cluster),
        }
