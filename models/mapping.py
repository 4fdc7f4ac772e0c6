"""Images as points of a plane: those that look alike to the method lie side by side."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from models.base import FloatArray

COMPONENTS = 50
PERPLEXITY = 30.0
STEPS = 500
SAME = 1e-6
"""Rows that differ by no more are one point."""
FEW = 5
"""Fewer images have no neighbourhoods to keep."""


def flat_map(X: FloatArray, seed: int) -> FloatArray:
    """A map (N, 2) float32 of the rows of X (N, D) by their angles, centred, within [-1, 1].

    Principal components, then t-SNE from the first two of them (van der Maaten and Hinton, JMLR
    2008; Kobak and Berens, Nature Communications 2019). Near points were near; how far apart the
    islands lie, and how large they are, means nothing.
    """
    unit = unit_rows(X)
    if np.ptp(unit, axis=0).max() <= SAME:
        return np.zeros((len(X), 2), dtype=np.float32)
    P = _principal(unit, seed)
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


def _principal(X: FloatArray, seed: int) -> FloatArray:
    """Scores (N, COMPONENTS) or fewer, at least two columns."""
    scores = PCA(min(COMPONENTS, *X.shape), random_state=seed).fit_transform(X)
    missing = max(2 - scores.shape[1], 0)
    return np.asarray(np.pad(scores, ((0, 0), (0, missing))), dtype=np.float32)
