"""How many clusters there may be: a survey over n, without labels, and what it suggests."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor
from torch.nn import functional as F

from models.affinity import affinity
from models.automatic import SURVEYED, automatic_postprocessing, most_clusters
from models.base import FloatArray, IntArray
from models.ridge import GAMMA, TAU, Tell, silent
from models.selfexpression import closed_form
from models.sparsity import elastic_net
from models.spectral import Segmentation, spectral_clustering

LARGEST_NEAR = 1000
"""Images that are looked at, of a larger set at random, around a given n."""
RIDGE = 3.0
EVERY, STEP = 20, 1.1
"""Every n up to so many is tried; from there on each is larger by this factor, at first."""
APART = 100.0
"""Wider eigengaps are alike: the clusters are not connected."""


class Count(NamedTuple):
    """What speaks for n clusters.

    Attributes:
        n_clusters: n.
        agreement: adjusted Rand index of the partitions into n by two self-expressions.
        relative_eigengap: the smaller one of theirs.
        support: log(n) x agreement x log(1 + relative_eigengap).
    """

    n_clusters: int
    agreement: float
    relative_eigengap: float
    support: float


class Survey(NamedTuple):
    """Counts by n, ascending; ``n_images`` were looked at."""

    counts: tuple[Count, ...]
    n_images: int

    @property
    def suggested(self) -> int:
        """The n with the most support."""
        return max(self.counts, key=lambda count: count.support).n_clusters

    def shown(self) -> dict[str, Any]:
        """As JSON can hold it."""
        counts = [count._asdict() for count in self.counts]
        return {"n_images": self.n_images, "suggested": self.suggested, "counts": counts}


def survey(X: FloatArray, seed: int, tell: Tell = silent, around: int | None = None) -> Survey:
    """Try numbers of clusters for the rows of X (N, D): all that are likely, or those around one.

    Two self-expressions that err differently, the ridge solution and the elastic net, are each
    given the clean-up of the ``auto`` rule for n and clustered into n. Where n is right they agree,
    and their eigengaps are wide (stability: von Luxburg, Clustering stability: an overview, 2010;
    relative eigengap: Fan et al., AutoSC, NeurIPS 2022). Coarse partitions agree easily, hence
    log(n): agreement counts by what it tells.
    """
    most = SURVEYED if around is None else LARGEST_NEAR
    Z = F.normalize(torch.from_numpy(_sample(X, seed, most)))
    expressions = closed_form(Z, RIDGE), elastic_net(Z, lambda: None, tau=TAU, gamma=GAMMA)
    tried = coarse(len(Z)) if around is None else near(around, len(Z))
    found = [_count(expressions, n, seed, tell, i, len(tried)) for i, n in enumerate(tried)]
    if around is None:
        best = max(found, key=lambda count: count.support).n_clusters
        more = sorted(set(between(best, tried)) - set(tried))
        found += [_count(expressions, n, seed, tell, i, len(more)) for i, n in enumerate(more)]
    return Survey(tuple(sorted(found)), len(Z))


def coarse(n_images: int) -> list[int]:
    """Every n up to ``EVERY``, then in steps, up to the most that N images can show."""
    most, n = most_clusters(n_images), 2
    tried = []
    while n <= most:
        tried.append(n)
        n = n + 1 if n < EVERY else round(n * STEP)
    return sorted({*tried, most})


def between(best: int, tried: Iterable[int]) -> range:
    """The numbers from the one tried below the best one to the one above it."""
    below = max((n for n in tried if n < best), default=best)
    above = min((n for n in tried if n > best), default=best)
    return range(below, above + 1)


def near(n: int, n_images: int) -> list[int]:
    """The number itself and some from half of it to its double, closer where they are closer."""
    shares = (0.5, 0.65, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2)
    others = {max(round(n * share), 2) for share in shares} | {max(n - 1, 2), n + 1}
    return sorted(m for m in others if m == n or m <= max(n_images // 2, 2))


def _sample(X: FloatArray, seed: int, most: int) -> FloatArray:
    if len(X) <= most:
        return X
    chosen = np.random.default_rng(seed).choice(len(X), most, replace=False)
    return X[np.sort(chosen)]


def _count(
    expressions: Iterable[Tensor], n: int, seed: int, tell: Tell, done: int, total: int
) -> Count:
    found = [_segment(C, n, seed) for C in expressions]
    labels: list[IntArray] = [one.labels for one in found]
    agreement = float(adjusted_rand_score(*labels))
    gap = min(one.relative_eigengap for one in found)
    support = np.log(n) * max(agreement, 0) * np.log1p(np.clip(gap, 0, APART))
    tell(done + 1, total)
    return Count(n, agreement, gap, float(support))


def _segment(C: Tensor, n: int, seed: int) -> Segmentation:
    A = affinity(C, n, "processed", automatic_postprocessing(len(C) / n))
    return spectral_clustering(A, n, seed)
