"""What is looked at once a fit is over: the map of the images, and the spectrum over n."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from jobs.states import Phase
from models.base import Clustering, FloatArray
from models.counting import survey
from models.mapping import flat_map
from models.spectral import embed, relative_eigengap, sparsely
from worker.exchange import Spec
from worker.trainer.files import clustered
from worker.trainer.results import Finished
from worker.trainer.run import JobRun

BEYOND = 20
"""Eigenvalues that are told after the n-th, at most as many as before it."""
WORDS = (
    "A hint, no measurement. The clean-up of an affinity is told n and makes a gap near it by "
    "itself; agreement of two self-expressions at n says more, but finds parts of classes and "
    "pairs of them too. Look at the groups for a few n before you believe one."
)


class Overview(NamedTuple):
    """``points`` (N, 2) within [-1, 1]; ``spectrum`` as JSON, None of a prediction."""

    points: FloatArray
    spectrum: dict[str, Any] | None


def overview(spec: Spec, run: JobRun, finished: Finished) -> Overview:
    """A map of the features or pixels, and what speaks for and against the number of clusters."""
    clustering, images = finished.clustering, finished.loaded.images
    X = images.reshape(len(images), -1) if clustering.embedding is None else clustering.embedding
    tell = partial(_tell, run)
    spectrum = None
    if not spec.model:
        asked = spec.request["n_clusters"]
        around = survey(X, run.seed, tell, finished.n_clusters).shown()
        spectrum = {
            "n_clusters": finished.n_clusters,
            "asked": asked,
            **_eigenvalues(clustering, finished.n_clusters),
            "survey": around,
            "choice": run.count,
            "trust": WORDS,
        }
    run.heed()
    return Overview(flat_map(X, run.seed), spectrum)


def _tell(run: JobRun, done: int, total: int) -> None:
    run.heed()
    run.show(Phase.SCORING, done, total)


def _eigenvalues(clustering: Clustering, n: int) -> dict[str, Any]:
    """The Laplacian's smallest eigenvalues, ascending; none of a method without affinity."""
    A, _ = clustered(clustering)
    if A is None:
        return {"eigenvalues": [], "relative_eigengap": None, "widest_gap": None}
    shown = min(n + min(n, BEYOND), len(A) - 1)
    largest, _ = embed(sparsely(A), shown)
    s = np.clip(1 - largest, 0, None)
    gaps = np.diff(s)[1:]  # after the second, the third ...
    return {
        "eigenvalues": s.tolist(),
        "relative_eigengap": relative_eigengap(largest[: n + 1]),
        "widest_gap": int(2 + np.argmax(gaps)) if len(gaps) else None,
    }
