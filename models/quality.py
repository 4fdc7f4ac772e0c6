"""What a person should be told about a clustering, found without labels."""

import numpy as np

from models.base import WEAK_HEAD, IntArray, Notice
from models.spectral import Segmentation

CODES = frozenset({"empty-clusters", "no-eigengap"})
"""Of the notices below."""
LEARNT = 0.9
COLLAPSED_GAP = 0.1
"""Relative eigengap under which results were found to be collapsed."""


def notices(labels: IntArray, n_clusters: int, segmentation: Segmentation) -> tuple[Notice, ...]:
    """Warnings about empty clusters and about clusters that the affinity does not show."""
    found = list(empty(labels, n_clusters))
    if (gap := segmentation.relative_eigengap) < COLLAPSED_GAP:
        found.append(
            Notice(
                "no-eigengap",
                f"The affinity does not fall into {n_clusters} groups (relative eigengap "
                f"{gap:.3g}): the clusters may be arbitrary.",
            )
        )
    return tuple(found)


def weak_head(agreement: float) -> tuple[Notice, ...]:
    """A warning about a head that has not learnt the clusters; ``agreement`` is a share of images.

    It has as many steps as there are epochs, and with few images it learns little in each.
    """
    if agreement >= LEARNT:
        return ()
    return (
        Notice(
            WEAK_HEAD,
            f"The head agrees with the clusters on {agreement:.0%} of the images: what it says of "
            "new ones is not to be relied on. Raise epochs.",
        ),
    )


def empty(labels: IntArray, n_clusters: int) -> tuple[Notice, ...]:
    """A warning about clusters without images."""
    missing = int((np.bincount(labels, minlength=n_clusters) == 0).sum())
    if not missing:
        return ()
    return (Notice("empty-clusters", f"{missing} of {n_clusters} clusters have no image."),)
