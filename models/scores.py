"""Scores against the ground truth, computed once, after a fit; and the label-free confidence."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from models.alignment import contingency
from models.base import FloatArray, IntArray


def score(truth: IntArray, labels: IntArray) -> dict[str, float]:
    """Agreement of a clustering with the ground truth.

    Returns:
        accuracy (best one-to-one matching of clusters and classes), error = 1 - accuracy, nmi
        (arithmetic mean, scikit-learn's default), nmi_geometric (common in this field), ari,
        purity; all but ari in [0, 1].
    """
    counts = contingency(truth, labels)
    rows, columns = linear_sum_assignment(-counts)
    accuracy = float(counts[rows, columns].sum() / len(truth))
    return {
        "accuracy": accuracy,
        "error": 1 - accuracy,
        "nmi": float(normalized_mutual_info_score(truth, labels)),
        "nmi_geometric": float(
            normalized_mutual_info_score(truth, labels, average_method="geometric")
        ),
        "ari": float(adjusted_rand_score(truth, labels)),
        "purity": float(counts.max(axis=0).sum() / len(truth)),
    }


def confidence(affinity: FloatArray, labels: IntArray) -> FloatArray:
    """The share of each image's affinity to others that lies inside its own cluster. Shape (N,)."""
    Q = np.eye(int(labels.max()) + 1, dtype=affinity.dtype)[labels]  # (N, n)
    own = np.diagonal(affinity)
    inside = np.take_along_axis(affinity @ Q, labels[:, None], axis=1)[:, 0] - own
    total = affinity.sum(axis=1) - own
    share = np.where(total > 0, inside / np.where(total > 0, total, 1), 0)
    return np.clip(share, 0, 1).astype(np.float32)
