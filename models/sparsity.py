"""Sparse self-expression between a method's settings and the solvers. Imports torch when called."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from models.base import Run
from models.shallow import SOLVING, Expression, limit

if TYPE_CHECKING:
    from torch import Tensor

    from models.methods.ssc import SSC


ROUGHLY, ROUNDS, STEPS = 1e-2, 6, 3
"""Tolerance, working sets and steps on each of a net that is to be judged by its eigengap alone."""
UNRELATED = 1e-6
"""Correlations below this share of the largest are none."""


def lasso_of(
    K: "Tensor",
    alpha: float,
    tolerance: float,
    title: str,
    run: Run,
    weights: "Tensor | None" = None,
) -> Expression:
    """One penalty for all images: min_i max_j |k_ij| / alpha."""
    penalty = least_correlation(K) / alpha
    solve = partial(_solved, weights=weights, tolerance=tolerance, title=title)
    return solve(K, penalty.expand(len(K)), run)


def elastic_net_of(
    K: "Tensor", tau: float, gamma: float, tolerance: float, title: str, run: Run
) -> Expression:
    """A penalty and a ridge for each image, from its largest |k_ij|."""
    penalty, ridge = _elastic(K, tau, gamma)
    return _solved(K, penalty, run, ridge=ridge, tolerance=tolerance, title=title)


def elastic_net(Z: "Tensor", alive: Callable[[], None], *, tau: float, gamma: float) -> "Tensor":
    """C (N, N) of the method ``ensc`` on features (N, p), roughly; ``alive`` hears of progress.

    A few working sets, so that images that are alike in nothing cost no more than others.
    """
    from models.solvers.lasso import lasso  # noqa: PLC0415 - the catalogue loads without torch

    K = Z @ Z.T
    penalty, ridge = _elastic(K, tau, gamma)
    return lasso(
        K,
        penalty,
        ridge=ridge,
        tolerance=ROUGHLY,
        max_rounds=ROUNDS,
        max_steps=STEPS,
        tell=lambda *_, **__: alive(),
    ).C


def _elastic(K: "Tensor", tau: float, gamma: float) -> tuple["Tensor", "Tensor"]:
    fit = gamma * tau / correlation(K)
    return tau / fit, (1 - tau) / fit


def correlation(K: "Tensor") -> "Tensor":
    """Of each image the largest |k_ij| with another; of unrelated ones a little, not zero. (N,)."""
    others = K.abs().fill_diagonal_(0).amax(dim=1)
    return others.clamp(min=UNRELATED * float(others.max()) or 1.0)


def least_correlation(K: "Tensor") -> "Tensor":
    """Of the images that are related to any: a black one must not loosen the others' penalty."""
    others = correlation(K)
    related = others[others > 2 * UNRELATED * others.max()]
    return related.min() if len(related) else others.min()


def _solved(
    K: "Tensor",
    penalty: "Tensor",
    run: Run,
    *,
    tolerance: float,
    title: str,
    ridge: "Tensor | None" = None,
    weights: "Tensor | None" = None,
) -> Expression:
    from models.solvers.lasso import lasso  # noqa: PLC0415 - the catalogue loads without torch

    found = lasso(
        K,
        penalty,
        weights=weights,
        ridge=ridge,
        tolerance=tolerance,
        tell=partial(run.report, SOLVING),
    )
    return Expression(found.C, {"residual": found.residual}, limit(title, found, "raise tolerance"))


def outliers_of(
    settings: "SSC", X: "Tensor", run: Run, weights: "Tensor | None" = None
) -> Expression:
    """SSC by ADMM: with outliers, affine, or both."""
    from models.solvers.admm import Problem, sparse  # noqa: PLC0415 - as above

    if settings.outliers:
        fidelity = settings.alpha / max(float(X.abs().sum(dim=1).max()), 1e-12)
    else:
        fidelity = settings.alpha / float(least_correlation(X @ X.T))
    found = sparse(
        Problem(X, fidelity, settings.outliers, settings.affine, weights),
        settings.alpha,
        tolerance=settings.tolerance,
        max_iterations=settings.max_iterations,
        tell=partial(run.report, SOLVING),
    )
    return Expression(found.C, {"residual": found.residual}, limit(settings.title, found))
