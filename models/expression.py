"""What every shallow method does around its self-expression."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from models.affinity import affinity, on_host, plain
from models.base import Clustering, FloatArray, Run, State
from models.quality import notices
from models.shallow import CLUSTERING, Expression, Shallow
from models.spectral import spectral_clustering
from models.views import VIEWED, notice, prepare


def fit(settings: Shallow, images: FloatArray, n_clusters: int, run: Run) -> Clustering:
    """See, represent, build the affinity, cluster. ``settings`` are resolved."""
    state = run.resume()
    decided, seen = prepare(
        settings,
        images,
        n_clusters,
        run.device,
        partial(run.report, "preparing"),
        state.meta.get("view") if state else None,
    )
    X = torch.from_numpy(seen).to(run.device).flatten(1)  # (N, D)
    found = clustered(decided, X, n_clusters, run)
    return replace(
        found,
        notices=(*notice(settings.view, decided.view), *found.notices),
        outlook=State({}, {"phase": VIEWED, "view": decided.view}),
    )


def clustered(settings: Shallow, X: Tensor, n_clusters: int, run: Run) -> Clustering:
    """Features X (N, D) to clusters."""
    X = F.normalize(X) if settings.unit_norm else X
    expression = settings.represent(X, n_clusters, run)
    C = expression.C.float()
    A = affinity(C, n_clusters, settings.affinity or "plain", settings.postprocessing)
    found = spectral_clustering(A, n_clusters, run.seed, settings.assign)
    figures = {
        "relative_eigengap": found.relative_eigengap,
        "components": float(found.components),
        **expression.figures,
        **_figures(X, expression),
    }
    run.report(CLUSTERING, 1, 1, save=None, labels=found.labels, **figures)
    return Clustering(
        labels=found.labels,
        coefficients=on_host(C),
        affinity=on_host(A),
        plain_affinity=on_host(plain(C)),
        labelings={"spectral": found.labels},
        diagnostics=figures,
        notices=(*expression.notices, *notices(found.labels, n_clusters, found)),
    )


def _figures(X: Tensor, expression: Expression) -> dict[str, float]:
    """The share of ||X||^2 that is not expressed, and the coefficients of an image."""
    C = expression.C.to(X.dtype)
    rest = (X - C @ X).square().sum() / X.square().sum().clamp(min=torch.finfo(X.dtype).tiny)
    return {"unexpressed": float(rest), "coefficients": float((C != 0).sum()) / len(C)}
