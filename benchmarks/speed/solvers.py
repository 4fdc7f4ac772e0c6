"""Seconds of the solvers beside scikit-learn's, image by image, and beside the published ones."""

import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import Lasso, orthogonal_mp_gram
from torch import Tensor

from benchmarks import published
from benchmarks.speed.cases import Case
from models.base import FloatArray
from models.solvers.lasso import lasso
from models.solvers.lowrank import low_rank
from models.solvers.omp import matching_pursuit

ALPHAS = (5.0, 20.0)
ATOMS = 5
PENALTY = 1.0
LARGEST = {"lrr": 1500}
"""Images up to which a published algorithm ends within minutes."""

Solvers = dict[str, Callable[[], FloatArray]]
Found = dict[str, Any]


def measure(case: Case, rounds: int) -> dict[str, object]:
    """Each contender once: the slow ones take minutes. ``rounds`` of ours, the median."""
    X = torch.from_numpy(case.images).flatten(1)  # (N, D)
    X = torch.nn.functional.normalize(X[X.any(dim=1)])  # a black image relates to none
    problems = {f"lasso, alpha {alpha:g}": _lasso(X, alpha) for alpha in ALPHAS}
    problems |= {f"OMP, {ATOMS} atoms": _pursuit(X), f"LRR, lambda {PENALTY:g}": _low_rank(X)}
    compared = {
        name: _compared(solvers, objective, rounds)
        for name, (solvers, objective) in problems.items()
    }
    return {"rounds": rounds, "solvers": compared}


def _lasso(X: Tensor, alpha: float) -> tuple[Solvers, Callable[[FloatArray], float]]:
    K = X @ X.T
    fit = alpha / float(K.clone().fill_diagonal_(0).abs().amax(dim=1).min())

    def objective(C: FloatArray) -> float:
        R = X.numpy() - C @ X.numpy()
        return float(np.abs(C).sum(dtype=np.float64) + fit / 2 * np.square(R, dtype=float).sum())

    return {
        "ours": lambda: _working_sets(X, 1 / fit),
        "scikit_learn": lambda: _each_lasso(X.numpy(), 1 / fit),
        "published": lambda: published.ssc_lasso(np.ascontiguousarray(X.numpy().T), alpha).T,
    }, objective


def _working_sets(X: Tensor, penalty: float) -> FloatArray:
    return lasso(X @ X.T, torch.full((len(X),), penalty)).C.numpy()


def _each_lasso(X: FloatArray, penalty: float) -> FloatArray:
    """A column after the other, on one Gram matrix; its own row and column silenced."""
    n, D = X.shape
    K = X @ X.T
    C = np.zeros((n, n), dtype=np.float32)
    solver = Lasso(penalty / D, fit_intercept=False, tol=1e-5, max_iter=10_000)
    for i in range(n):
        others = np.delete(np.arange(n), i)
        solver.precompute = np.ascontiguousarray(K[np.ix_(others, others)])
        C[i, others] = solver.fit(np.asfortranarray(X[others].T), X[i]).coef_
    return C


def _pursuit(X: Tensor) -> tuple[Solvers, Callable[[FloatArray], float]]:
    def objective(C: FloatArray) -> float:
        return float(np.square(X.numpy() - C @ X.numpy(), dtype=np.float64).sum())

    return {
        "ours": lambda: matching_pursuit(X @ X.T, ATOMS, 0.0).numpy(),
        "scikit_learn": lambda: _each_pursuit(X.numpy()),
        "published": lambda: published.ssc_omp(np.ascontiguousarray(X.numpy().T), ATOMS, 0).T,
    }, objective


def _each_pursuit(X: FloatArray) -> FloatArray:
    K = X @ X.T
    C = np.zeros_like(K)
    for i in range(len(K)):
        others = np.delete(np.arange(len(K)), i)
        G = K[np.ix_(others, others)]
        C[i, others] = orthogonal_mp_gram(G, K[others, i], n_nonzero_coefs=ATOMS)
    return C


def _low_rank(X: Tensor) -> tuple[Solvers, Callable[[FloatArray], float]]:
    def objective(C: FloatArray) -> float:
        nuclear = np.linalg.svd(C, compute_uv=False).sum()
        return float(nuclear + PENALTY * np.linalg.norm(X.numpy() - C @ X.numpy(), axis=1).sum())

    def ours() -> FloatArray:
        return low_rank(X, PENALTY).C.numpy()

    found: Solvers = {"ours": ours}
    if len(X) <= LARGEST["lrr"]:
        transposed = np.ascontiguousarray(X.numpy().T)
        found["published"] = lambda: published.lrr(transposed, PENALTY)[1].T
    return found, objective


def _compared(solvers: Solvers, objective: Callable[[FloatArray], float], rounds: int) -> Found:
    seconds: dict[str, float] = {}
    costs: dict[str, float] = {}
    for name, solve in solvers.items():
        taken = []
        for _ in range(rounds if name == "ours" else 1):
            began = perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # linearly dependent atoms
                C = solve()
            taken.append(perf_counter() - began)
        seconds[name], costs[name] = float(np.median(taken)), objective(C)
    least = min(costs.values())
    return {
        "seconds": seconds,
        "objective": costs["ours"],
        "above": {name: cost / least - 1 for name, cost in costs.items()},
        "faster": {name: t / seconds["ours"] for name, t in seconds.items() if name != "ours"},
    }
