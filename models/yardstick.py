"""Methods that a user would try first: no self-expression. Imports no torch."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field

from models.automatic import automatic_view
from models.base import Candidate, Clustering, FloatArray, Method, Run, Shape
from models.hyperparameters import View
from models.sizes import shallow_bytes

CHOOSING = 18
"""N x N floats at the peak of choosing a view."""


class Yardstick(Method):
    """Settings of what is compared."""

    presets: ClassVar[tuple[str, ...]] = ("auto",)
    squares: ClassVar[int]
    """N x N floats at the peak."""

    view: View | Literal["eigengap"] | None = Field(
        None,
        description="What is compared: the images, or what S2ConvSCN's rule of the same name "
        "takes out of them.",
    )
    unit_norm: bool = Field(False, description="Scale each image to unit length.")

    def clustered(self, X: FloatArray, n_clusters: int, seed: int) -> Clustering:
        """Rows of X (N, D) to clusters."""
        raise NotImplementedError

    def check(self, shape: Shape) -> None:
        """Whether the settings suit the sizes. Raises ValueError, saying what would be right."""

    def rule(self, shape: Shape, n_clusters: int) -> dict[str, Any]:  # noqa: ARG002 - subclasses'
        """From N, image size and n, never from pixels or labels.

        Raises:
            ValueError: if the settings do not suit the sizes.
        """
        return {"view": automatic_view(self.view, shape)}

    def resolve(self, shape: Shape, n_clusters: int) -> Self:
        self.check(shape)
        rule = self.rule(shape, n_clusters)
        missing = {key: value for key, value in rule.items() if getattr(self, key) is None}
        return self.model_copy(update=missing)

    def with_preset(self, name: str, n_clusters: int) -> Self:  # noqa: ARG002 - the base's
        if name not in self.presets:
            raise KeyError(name)
        return self

    def candidates(self) -> tuple[Candidate, ...]:
        return (Candidate("as-asked", self, {}),)

    def memory_bytes(self, shape: Shape, n_clusters: int) -> int:  # noqa: ARG002 - the base's
        choosing = CHOOSING if self.view in (None, "eigengap") else 0
        return shallow_bytes(shape, max(self.squares, choosing))

    def fit(self, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
        from models.seen import fit  # noqa: PLC0415 - the catalogue loads without torch

        settings = self.resolve(Shape(*images.shape), n_clusters)
        return fit(settings, images, n_clusters, run)
