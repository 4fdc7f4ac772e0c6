"""What several methods' ``auto`` rules share: from sizes, never from pixels or labels."""

from typing import Literal

from models.base import Shape
from models.hyperparameters import Layer, PostProcessing, View
from models.sizes import feature_map

PIXEL_SCALE = 255.0
TOP_SIDE = 16
AUTO_FEATURES = 4096
FEWEST = 7
SURVEYED = 2000
"""Images that are looked at, of a larger set at random, to choose the number of clusters."""


def automatic_postprocessing(per_cluster: float) -> PostProcessing:
    """Constants of the clean-up from the mean number of images in a cluster, N/n."""
    dimension = min(max(round(per_cluster / 6), 3), 12)
    return PostProcessing(
        dimension=dimension,
        power=max(round(dimension / 3), 2),
        spectrum="positive",
        neighbours=min(max(round(per_cluster) - 1, 1), 6),
    )


def most_clusters(n_images: int) -> int:
    """Up to how many clusters are looked for among N images.

    With fewer images in a cluster than ``FEWEST`` the clean-up keeps fewer neighbours, which
    widens every eigengap.
    """
    return max(n_images // FEWEST, 2)


def automatic_view(
    asked: View | Literal["eigengap"] | None, shape: Shape
) -> View | Literal["eigengap"]:
    """Images are shown in the view that suits them, feature vectors as they are.

    Raises:
        ValueError: if feature vectors shall be seen in another way.
    """
    if not shape.is_features:
        return "eigengap"
    if asked not in (None, "plain"):
        message = (
            f"view is {asked}, and feature vectors have neither a mirror image nor a contrast: "
            "leave it out, or say plain."
        )
        raise ValueError(message)
    return "plain"


def automatic_encoder(shape: Shape) -> tuple[Layer, ...]:
    """Halve the images until neither side exceeds 16, at least once; about 4096 features or fewer.

    The channels double from layer to layer down to the top, whose number is what brings p near
    ``AUTO_FEATURES``, between 5 and 64.

    Raises:
        ValueError: for feature vectors.
    """
    if shape.is_features:
        message = (
            "the encoder convolves images, and these are feature vectors: take a method without an "
            "auto-encoder."
        )
        raise ValueError(message)
    depth = 1
    while max(feature_map(shape, depth)) > TOP_SIDE:
        depth += 1
    height, width = feature_map(shape, depth)
    top = min(max(round(AUTO_FEATURES / (height * width)), 5), 64)
    return tuple(Layer(kernel=3, channels=max(top >> (depth - 1 - i), 4)) for i in range(depth))
