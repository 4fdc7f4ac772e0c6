"""What the network is shown: the images, or what is left of them when a nuisance is taken out.

``mirror`` averages an image with its mirror image. An image expressed by a dictionary that holds
every image and its mirror image, with one coefficient for both, is just that; the side to which a
face is turned is gone then, and so is what tells b from d. ``contrast`` divides what differs from
the surrounding by how much the surrounding varies (local contrast normalisation: Jarrett et al.,
What is the best multi-stage architecture for object recognition?, ICCV 2009), which takes light and
shadow out, and with them the shade of a smooth object. Whether either is a nuisance is up to the
images: the one in which the clusters are the most distinct by far is chosen, if there is one.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, Self, TypeVar

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional as F

from models.affinity import affinity
from models.automatic import automatic_postprocessing
from models.base import FloatArray, IntArray, Notice
from models.distinctness import Distinctness, most_distinct
from models.hyperparameters import View
from models.partitions import likeness
from models.ridge import Tell, closed_forms, elastic, silent
from models.spectral import spectral_clustering

VIEWED = "viewed"
"""Phase of a state that holds the chosen view and no more."""
SURROUNDING = 0.04
"""Standard deviation of the Gaussian that says what surrounds a pixel, as a share of the height."""
GREY_LEVEL = 1 / 255
"""Added to deviations: what varies less is noise of the quantisation."""
SPREAD = 3.0
"""Local standard deviations between the middle of [0, 1] and its ends."""
RIDGES = (0.3, 3.0, 30.0)
"""Of the closed forms on pixels."""


class Viewed(Protocol):
    """Settings that say what is seen of the images."""

    @property
    def view(self) -> View | Literal["eigengap"] | None: ...
    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self: ...


Settings = TypeVar("Settings", bound=Viewed)


def prepare(
    settings: Settings,
    images: FloatArray,
    n_clusters: int,
    device: str,
    tell: Tell = silent,
    decided: View | None = None,
) -> tuple[Settings, FloatArray]:
    """Settings whose ``view`` is decided, and the images (N, channels, H, W) so seen, in [0, 1].

    A view that was ``decided`` before is not chosen again.
    """
    name = decided or settings.view or "plain"
    if name == "eigengap":
        name = choose(images, n_clusters, device, tell)
    return settings.model_copy(update={"view": name}), VIEWS[name](images)


def choose(images: FloatArray, n_clusters: int, device: str, tell: Tell) -> View:
    """The view of the most distinct clusters, on pixels; of several equal ones the plainest."""
    found: dict[View, Distinctness] = {}

    def alive() -> None:
        tell(len(found), len(VIEWS))

    for name, view in VIEWS.items():
        X = torch.from_numpy(view(images)).to(device).flatten(1)
        found[name] = look(X, n_clusters, alive)[0]
        alive()
    return most_distinct(found)


def look(
    X: Tensor, n_clusters: int, alive: Callable[[], None] = lambda: None
) -> tuple[Distinctness, IntArray]:
    """Cluster pixels (N, D) by some closed forms and an elastic net.

    The clean-up is that of the ``auto`` rule whatever the settings say, so that all methods see the
    same. Returns how distinct the clusters are, and the partition (N,) of the widest eigengap.
    """
    Z, gaps, partitions = F.normalize(X), [], []
    postprocessing = automatic_postprocessing(len(X) / n_clusters)
    for candidate in (*closed_forms(RIDGES), elastic()):
        C = candidate.solve(Z, alive)
        A = affinity(C, n_clusters, "processed", postprocessing)
        segmentation = spectral_clustering(A, n_clusters, seed=0)
        gaps.append(segmentation.relative_eigengap / candidate.handicap)
        partitions.append(segmentation.labels)
        alive()
    (found,) = likeness([partitions])
    assert found.stability is not None  # noqa: S101 - there are several
    return Distinctness(max(gaps), found.stability), partitions[int(np.argmax(gaps))]


def notice(asked: str | None, seen: str | None) -> tuple[Notice, ...]:
    """Says which view was chosen, if one was to be chosen and it is not ``plain``."""
    if asked != "eigengap" or seen == "plain":
        return ()
    detail = f"{DONE[str(seen)]}: the clusters stand out more. To prevent it, set view to plain."
    return (Notice("view", detail),)


def plain(images: FloatArray) -> FloatArray:
    """The images themselves."""
    return images


def mirror(images: FloatArray) -> FloatArray:
    """(x + flip(x)) / 2."""
    return np.ascontiguousarray((images + images[..., ::-1]) / 2)


def contrast(images: FloatArray) -> FloatArray:
    """1/2 + (x - m) / (2 a s), cut to [0, 1]: m and s, mean and deviation around, a ``SPREAD``."""
    sigma = SURROUNDING * images.shape[2]
    difference = images - _around(images, sigma)
    deviation = np.sqrt(_around(difference**2, sigma))
    normalised = difference / ((deviation + GREY_LEVEL) * 2 * SPREAD)
    return np.asarray(np.clip(normalised + 0.5, 0, 1), dtype=np.float32)


def _around(images: FloatArray, sigma: float) -> FloatArray:
    smooth = gaussian_filter(images, (0, 0, sigma, sigma), mode="nearest")
    return np.asarray(smooth, dtype=np.float32)


VIEWS: dict[View, Callable[[FloatArray], FloatArray]] = {
    "plain": plain,
    "mirror": mirror,
    "contrast": contrast,
    "contrast_mirror": lambda images: mirror(contrast(images)),
}

DONE = {
    "mirror": "Each image was averaged with its mirror image",
    "contrast": "The local contrast of the images was normalised",
    "contrast_mirror": "Local contrast was normalised, and the mirror images averaged",
}
