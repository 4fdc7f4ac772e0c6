"""Images as points of a plane: those that look alike to the method lie side by side."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from models.base import FloatArray, IntArray

COMPONENTS = 50
PERPLEXITY = 30.0
STEPS = 500
MOST, SAMPLE = 10_000, 5_000
"""Of more rows than these so many are mapped, and the others laid among them."""
NEAREST = 3
BLOCK = 4096
SAME = 1e-6
"""Rows that differ by no more are one point."""
FEW = 5
"""Fewer images have no neighbourhoods to keep."""


def flat_map(X: FloatArray, seed: int) -> FloatArray:
    """A map (N, 2) float32 of the rows of X (N, D) by their angles, centred, within [-1, 1].

    Principal components, then t-SNE from the first two of them (van der Maaten and Hinton, JMLR
    2008; Kobak and Berens, Nature Communications 2019). Near points were near; how far apart the
    islands lie, and how large they are, means nothing. Of more than ``MOST`` rows a sample is
    mapped, and each other row lies between the ``NEAREST`` of the sample, the nearer the closer.
    """
    if len(X) > MOST:
        return _map_of_many(X, seed)
    unit = unit_rows(X)
    if np.ptp(unit, axis=0).max() <= SAME:
        return np.zeros((len(X), 2), dtype=np.float32)
    return _spread(_principal(unit, seed).transform(unit), seed)


def _spread(P: FloatArray, seed: int) -> FloatArray:
    """The map (N, 2) of principal scores (N, COMPONENTS) or fewer."""
    P = np.pad(P, ((0, 0), (0, max(2 - P.shape[1], 0)))).astype(np.float32)
    if len(P) >= FEW:
        perplexity = min(PERPLEXITY, (len(P) - 1) / 3)
        tsne = TSNE(2, init="pca", perplexity=perplexity, max_iter=STEPS, random_state=seed)
        with threadpool_limits(1):  # so that its sums have one order
            P = tsne.fit_transform(P)
    points = P[:, :2] - (P[:, :2].max(axis=0) + P[:, :2].min(axis=0)) / 2
    return np.asarray(points / np.abs(points).max(), dtype=np.float32)


def unit_rows(X: FloatArray) -> FloatArray:
    """Rows (N, D) of length 1; those of zeros, such as black images, stay so."""
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    unit: FloatArray = X / np.where(norms > 0, norms, 1)
    return unit


def _principal(X: FloatArray, seed: int) -> PCA:
    return PCA(min(COMPONENTS, *X.shape), random_state=seed).fit(X)


def _map_of_many(X: FloatArray, seed: int) -> FloatArray:
    chosen = np.random.default_rng(seed).choice(len(X), SAMPLE, replace=False)
    sample = unit_rows(X[chosen])
    if np.ptp(sample, axis=0).max() <= SAME:
        return np.zeros((len(X), 2), dtype=np.float32)
    principal = _principal(sample, seed)
    scores = principal.transform(sample)
    points = _spread(scores, seed)
    nearest = NearestNeighbors(n_neighbors=NEAREST).fit(scores)
    rows = np.array_split(np.arange(len(X)), -(-len(X) // BLOCK))
    parts = [
        _between(points, *nearest.kneighbors(principal.transform(unit_rows(X[i])))) for i in rows
    ]
    return np.concatenate(parts)


def _between(points: FloatArray, distances: FloatArray, nearest: IntArray) -> FloatArray:
    """Means (B, 2) of the points of the nearest (B, NEAREST), weighed by closeness."""
    weights = 1 / np.maximum(distances, SAME)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((weights[:, :, None] * points[nearest]).sum(axis=1), dtype=np.float32)
