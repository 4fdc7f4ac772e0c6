"""S3C's alternation of self-expression and segmentation."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from models.affinity import affinity
from models.base import IntArray, Run, State
from models.methods.soft_s3c import S3C
from models.shallow import SOLVING, Expression
from models.sparsity import lasso_of, outliers_of
from models.spectral import embed, sparsely, spectral_clustering


class Round:
    """A part of the run: its steps count on from round to round, their figures are not kept."""

    def __init__(self, run: Run, number: int, of: int) -> None:
        self.run, self.number, self.of = run, number, of
        self.device, self.seed = run.device, run.seed

    def report(
        self,
        phase: str,
        step: int,
        total: int,
        *,
        save: Callable[[], State] | None = None,
        labels: IntArray | None = None,
        **values: float,  # noqa: ARG002 - the run's
    ) -> None:
        done = self.number * total + step
        self.run.report(phase, done, self.of * total, save=save, labels=labels)

    def resume(self) -> State | None:
        return self.run.resume()


def alternate(settings: S3C, X: Tensor, n_clusters: int, run: Run) -> Expression:
    """C with weights 1 + strength Theta, then Theta from C, until Theta stays."""
    Theta: Tensor | None = None
    K = X @ X.T
    change, done = float("nan"), 0
    while True:
        weights = None if Theta is None else 1 + settings.strength * Theta
        found = _express(settings, X, K, Round(run, done, settings.rounds), weights)
        done += 1
        figures = found.figures | ({"change": change} if math.isfinite(change) else {})
        run.report(SOLVING, done, settings.rounds, save=None, labels=None, **figures)
        if done == settings.rounds or settings.strength == 0 or change < settings.settled:
            break
        new = separation(settings, found.C, n_clusters, run.seed)
        change = float("inf") if Theta is None else float((new - Theta).abs().mean())
        Theta = new
    return replace(found, figures=figures | {"rounds": float(done)})


def separation(settings: S3C, C: Tensor, n_clusters: int, seed: int) -> Tensor:
    """Theta (N, N): half the squared distances of the rows of Q, in [0, 1] for hard labels."""
    kind = settings.affinity or "plain"
    A = affinity(C, n_clusters, kind, settings.postprocessing)
    if settings.segmentation == "hard":
        labels = torch.from_numpy(spectral_clustering(A, n_clusters, seed, settings.assign).labels)
        Q = F.one_hot(labels, n_clusters)
    else:
        Q = torch.from_numpy(embed(sparsely(A), n_clusters)[1])
    Q = Q.to(C.device, C.dtype)
    return (1 - Q @ Q.T).clamp_(min=0)  # rows are of unit length


def _express(settings: S3C, X: Tensor, K: Tensor, run: Run, weights: Tensor | None) -> Expression:
    if settings.outliers or settings.affine:
        return outliers_of(settings, X, run, weights)
    return lasso_of(K, settings.alpha, settings.tolerance, settings.title, run, weights)
