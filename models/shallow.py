"""Self-expressive methods without a network: they differ in C alone. Imports no torch."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, Self

from pydantic import Field

from models import presets
from models.automatic import automatic_postprocessing, automatic_view
from models.base import Candidate, Clustering, FloatArray, Method, Notice, Run, Shape
from models.hyperparameters import AFFINITY, Assign, Kind, PostProcessing, View
from models.sizes import shallow_bytes
from models.variants import cleaned_up

if TYPE_CHECKING:
    from torch import Tensor

SOLVING = "solving"
"""Phase of the solver's iterations."""
CLUSTERING = "clustering"
"""Phase of what comes after it."""
Iterations = Annotated[int, Field(ge=1, le=100_000)]
Tolerance = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class Expression:
    """A solver's answer: C (N, N), its rows express images; figures; what a person should know."""

    C: "Tensor"
    figures: dict[str, float] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


class Shallow(Method):
    """Hyperparameters of what comes before and after self-expression: view, length, affinity."""

    usual_affinity: ClassVar[Kind] = "processed"
    squares: ClassVar[int] = 18
    """N x N floats at the peak."""

    view: View | Literal["eigengap"] | None = Field(
        None,
        description="What is compared. plain: the images. mirror: each averaged with its mirror "
        "image. contrast: local contrast normalised. contrast_mirror: both. eigengap: of these, "
        "the one in which closed forms and an elastic net have the largest relative eigengap times "
        "the cube of their partitions' agreement, if that exceeds plain's by a tenth and the "
        "eigengap itself is as wide as plain's.",
    )
    unit_norm: bool = Field(True, description="Scale each image to unit length.")
    affinity: Kind | None = Field(None, description=AFFINITY)
    postprocessing: PostProcessing | None = Field(
        None, description="Constants of the post-processing."
    )
    assign: Assign = Field(
        "kmeans", description="How rows of the spectral embedding become clusters."
    )

    def represent(self, X: "Tensor", n_clusters: int, run: Run) -> Expression:
        """Express every row of X (N, D) by the others."""
        raise NotImplementedError

    def check(self, shape: Shape) -> None:
        """Whether the settings suit the sizes. Raises ValueError, saying what would be right."""

    def rule(self, shape: Shape, n_clusters: int) -> dict[str, Any]:
        """The ``auto`` rule: from N, image size and n, never from pixels or labels.

        Raises:
            ValueError: if the settings do not suit the sizes.
        """
        return {
            "view": automatic_view(self.view, shape),
            "affinity": self.usual_affinity,
            "postprocessing": automatic_postprocessing(shape.n_images / n_clusters),
        }

    def resolve(self, shape: Shape, n_clusters: int) -> Self:
        self.check(shape)
        rule = self.rule(shape, n_clusters)
        missing = {key: value for key, value in rule.items() if getattr(self, key) is None}
        return self.model_copy(update=missing)

    def with_preset(self, name: str, n_clusters: int) -> Self:
        known = presets.of_method(name, str(type(self).model_fields["method"].default), n_clusters)
        explicit = {key: getattr(self, key) for key in self.model_fields_set}
        return type(self).model_validate({**known, **explicit})

    def candidates(self) -> tuple[Candidate, ...]:
        return (*cleaned_up(self), Candidate("as-asked", self, {}))

    def memory_bytes(self, shape: Shape, n_clusters: int) -> int:  # noqa: ARG002 - the base's
        return shallow_bytes(shape, self.squares)

    def fit(self, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
        from models.expression import fit  # noqa: PLC0415 - the catalogue loads without torch

        settings = self.resolve(Shape(*images.shape), n_clusters)
        return fit(settings, images, n_clusters, run)


MORE = "raise max_iterations, or tolerance if that is near enough"


class Ended(Protocol):
    """What an iterative solver says of its end."""

    @property
    def converged(self) -> bool: ...
    @property
    def iterations(self) -> int: ...
    @property
    def residual(self) -> float: ...


def limit(what: str, found: Ended, remedy: str = MORE) -> tuple[Notice, ...]:
    """Says so if a solver stopped at its limit."""
    if found.converged:
        return ()
    return (
        Notice(
            "not-converged",
            f"{what} stopped at its limit of {found.iterations} iterations with a residual of "
            f"{found.residual:.2g}: {remedy}.",
        ),
    )
