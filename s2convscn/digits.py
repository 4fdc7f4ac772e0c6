"""The demo's images, scikit-learn's handwritten digits, and what k-means makes of their pixels."""

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = 10
BRIGHTEST = 16
KMEANS_STARTS = 10

Scores = dict[str, float]


def pixels() -> NDArray[np.uint8]:
    """The 1,797 images, (N, 8, 8), their values 0..16 spread over 0..255."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - heavy

    spread: NDArray[np.uint8] = np.round(load_digits().images * 255 / BRIGHTEST).astype(np.uint8)
    return spread


def truth() -> NDArray[np.int64]:
    """The digit that each image shows, (N,)."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - heavy

    digits: NDArray[np.int64] = load_digits().target.astype(np.int64)
    return digits


def write_zip(path: Path) -> list[str]:
    """All images as PNGs in a folder per digit; returns their names. The same bytes every time."""
    from PIL import Image  # noqa: PLC0415 - heavy

    names = [f"{digit}/{index:04d}.png" for index, digit in enumerate(truth())]
    with zipfile.ZipFile(path, "w") as archive:
        for name, image in zip(names, pixels(), strict=True):
            png = io.BytesIO()
            Image.fromarray(image).save(png, "PNG")
            archive.writestr(zipfile.ZipInfo(name), png.getvalue())
    return names


def kmeans_scores() -> Scores:
    """k-means on the pixels against the truth: accuracy, error, nmi, ari."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - heavy

    X = pixels().reshape(-1, 64) / 255
    return scores(KMeans(CLASSES, n_init=KMEANS_STARTS, random_state=0).fit_predict(X))


def scores(labels: NDArray[np.integer]) -> Scores:
    """Agreement of clusters with the digits; the accuracy of the best one-to-one matching."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - heavy
    from sklearn import metrics  # noqa: PLC0415 - heavy

    counts = metrics.cluster.contingency_matrix(truth(), labels)
    accuracy = float(counts[linear_sum_assignment(-counts)].sum() / len(labels))
    return {
        "accuracy": accuracy,
        "error": 1 - accuracy,
        "nmi": float(metrics.normalized_mutual_info_score(truth(), labels)),
        "ari": float(metrics.adjusted_rand_score(truth(), labels)),
    }
