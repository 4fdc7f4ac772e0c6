"""Shallow methods on the features of stage I's auto-encoder. Imports no torch."""

from typing import Any

from models.automatic import PIXEL_SCALE, automatic_encoder
from models.base import Clustering, FloatArray, Run, Shape
from models.hyperparameters import StageOne
from models.shallow import Shallow
from models.sizes import features, training_bytes


class OnFeatures(StageOne, Shallow):
    """To be mixed into a shallow method: it sees Z instead of X."""

    def rule(self, shape: Shape, n_clusters: int) -> dict[str, Any]:
        found = super().rule(shape, n_clusters)
        return found | {"encoder": automatic_encoder(shape), "pixel_scale": PIXEL_SCALE}

    def features(self, shape: Shape) -> int:
        return features(shape, self.encoder or automatic_encoder(shape))

    def memory_bytes(self, shape: Shape, n_clusters: int) -> int:
        encoder = self.encoder or automatic_encoder(shape)
        return max(
            training_bytes(shape, n_clusters, encoder), super().memory_bytes(shape, n_clusters)
        )

    def fit(self, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
        from models.encoded import fit  # noqa: PLC0415 - the catalogue loads without torch

        settings = self.resolve(Shape(*images.shape), n_clusters)
        return fit(settings, images, n_clusters, run)
