"""Which view of the images has the most distinct clusters: the decision, from what was found.

An eigengap says how clear clusters are, and it may be wide by luck: then other constants find other
clusters, which the stability tells.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from models.hyperparameters import View

GAIN = 1.1
"""The distinctness of the clusters must grow by this factor."""
RELIANCE = 3
"""Power of the stability that the eigengap is multiplied by."""
APART = 1000.0
"""Wider eigengaps are alike: the clusters are not connected."""
CHANGES: tuple[tuple[View, ...], ...] = (("mirror", "contrast"), ("contrast_mirror",))
"""Views that change one thing, and the one that changes two."""


class Distinctness(NamedTuple):
    """How images fall into clusters by several C.

    Attributes:
        gap: the widest relative eigengap (Fan et al., AutoSC, NeurIPS 2022).
        stability: the mean adjusted Rand index of two of the partitions (von Luxburg, Clustering
            stability: an overview, 2010).
    """

    gap: float
    stability: float

    def weighed(self, reliance: float) -> float:
        """The gap times a power of the stability."""
        return min(self.gap * math.pow(max(self.stability, 0.0), reliance), APART)


def most_distinct(found: Mapping[View, Distinctness], reliance: float = RELIANCE) -> View:
    """``plain``, unless less of the images makes their clusters more distinct by ``GAIN``.

    Two changes must be better than the better one of them in the same measure as that one than
    none. However stable, a view whose gap is narrower than that of the images themselves is none.
    """
    least = min(found["plain"].gap, APART)
    weights = {
        name: one.weighed(reliance) if one.gap >= least else 0.0 for name, one in found.items()
    }
    best: View = "plain"
    for rivals in CHANGES:
        rival = max(rivals, key=lambda name: weights[name])
        if weights[rival] > GAIN * weights[best]:
            best = rival
    return best
