"""What a person should be told about a clustering, found without labels."""

import numpy as np

from models.base import IntArray, Notice
from models.spectral import Segmentation

CODES = frozenset({"empty-clusters", "no-eigengap"})
"""Of the notices below."""
COLLAPSED_GAP = 0.1
"""Relative eigengap under which results were found to be collapsed."""


def notices(labels: IntArray, n_clusters: int, segmentation: Segmentation) -> tuple[Notice, ...]:
    """Warnings about empty clusters and about clusters that the affinity does not show."""
    found = []
    sizes = np.bincount(labels, minlength=n_clusters)
    if (empty := int((sizes == 0).sum())) > 0:
        found.append(Notice("empty-clusters", f"{empty} of {n_clusters} clusters have no image."))
    if (gap := segmentation.relative_eigengap) < COLLAPSED_GAP:
        found.append(
            Notice(
                "no-eigengap",
                f"The affinity does not fall into {n_clusters} groups (relative eigengap "
                f"{gap:.3g}): the clusters may be arbitrary.",
            )
        )
    return tuple(found)
