"""What every method without self-expression does around its own step."""

from dataclasses import replace
from functools import partial

import numpy as np

from models.base import Clustering, FloatArray, Run, State
from models.shallow import CLUSTERING
from models.views import VIEWED, notice, prepare
from models.yardstick import Yardstick


def fit(settings: Yardstick, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
    """See and cluster. ``settings`` are resolved."""
    state = run.resume()
    tell = partial(run.report, "preparing")
    known = state.meta.get("view") if state else None
    decided, seen = prepare(settings, images, n_clusters, run.device, tell, known)
    X = seen.reshape(len(seen), -1)  # (N, D)
    if settings.unit_norm:
        X = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    found = decided.clustered(X, n_clusters, run.seed)
    run.report(CLUSTERING, 1, 1, save=None, labels=found.labels, **found.diagnostics)
    return replace(
        found,
        notices=(*notice(settings.view, decided.view), *found.notices),
        outlook=State({}, {"phase": VIEWED, "view": decided.view}),
    )
