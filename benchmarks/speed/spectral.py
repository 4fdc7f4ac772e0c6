"""Seconds of a spectral round beside scikit-learn's, and whose partition is the exact one."""

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from scipy.linalg import eigh
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score

from benchmarks.speed.cases import Case
from benchmarks.speed.timing import alternately, medians, ratio
from models.affinity import plain, processed
from models.automatic import automatic_postprocessing
from models.base import FloatArray, IntArray
from models.hyperparameters import PostProcessing
from models.selfexpression import closed_form
from models.spectral import assign_labels, normalised, spectral_clustering

SEED = 0
TURNS = 3
"""Rounds at most: scikit-learn's may take minutes."""


def measure(case: Case, rounds: int) -> dict[str, object]:
    """Several affinities of one C, the closed form on the images at unit norm."""
    C = coefficients(case)
    printed = case.settings().postprocessing
    cleaned = {"auto": automatic_postprocessing(len(C) / case.n_clusters)}
    cleaned |= {"printed": printed} if printed else {}
    found = {"plain": _compared(case.n_clusters, rounds, partial(plain, C))}
    for name, settings in cleaned.items():
        found[name] = _compared(case.n_clusters, rounds, _cleaned(C, case.n_clusters, settings))
    return {"rounds": min(rounds, TURNS), "affinities": found}


def coefficients(case: Case) -> FloatArray:
    """C (N, N) by the ``auto`` rule's ridge."""
    Z = torch.from_numpy(case.images).flatten(1)
    Z = torch.nn.functional.normalize(Z)
    return closed_form(Z, len(Z) / case.n_clusters / 20).numpy()


def exact(A: FloatArray, n: int) -> IntArray:
    """LAPACK's whole decomposition in float64, then the same k-means."""
    V = eigh(normalised(A, np.float64))[1][:, ::-1][:, :n]
    V /= np.maximum(np.linalg.norm(V, axis=1, keepdims=True), np.finfo(V.dtype).tiny)
    return assign_labels(V, n, SEED, "kmeans")


def scikit_learn(A: FloatArray, n: int) -> IntArray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a graph is not connected
        found = SpectralClustering(n, affinity="precomputed", random_state=SEED).fit(A)
    return np.asarray(found.labels_)


def ours(A: FloatArray, n: int) -> IntArray:
    return spectral_clustering(A, n, SEED).labels


def _cleaned(C: FloatArray, n: int, settings: PostProcessing) -> Callable[[], FloatArray]:
    return partial(processed, C, n, settings)


def _compared(n: int, rounds: int, affinity: Callable[[], FloatArray]) -> dict[str, object]:
    A, labels = affinity(), {}

    def kept(solver: Callable[[FloatArray, int], IntArray]) -> Callable[[], None]:
        def call() -> None:
            labels[solver.__name__] = solver(A, n)

        return call

    def renewed() -> None:
        labels["renewed"] = spectral_clustering(A, n, SEED, labels=labels["ours"]).labels

    contenders = {solver.__name__: kept(solver) for solver in (ours, scikit_learn, exact)}
    contenders["renewed"] = renewed
    seconds = alternately({"affinity": affinity, **contenders}, min(rounds, TURNS))
    whole = {
        name: [a + b for a, b in zip(seconds[name], seconds["affinity"], strict=True)]
        for name in contenders
    }
    return {
        "seconds": medians(seconds),
        "faster": ratio(seconds["scikit_learn"], seconds["ours"]),
        "faster_renewed": ratio(seconds["scikit_learn"], seconds["renewed"]),
        "faster_whole": ratio(whole["scikit_learn"], whole["ours"]),
        "ari": {
            name: adjusted_rand_score(labels["exact"], labels[name])
            for name in ("ours", "renewed", "scikit_learn")
        },
    }
