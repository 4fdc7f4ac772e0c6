"""Plain transcriptions of published algorithms, as a yardstick of speed: columns are images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]


def ssc_lasso(X: Matrix, alpha: float) -> Matrix:
    """``admmLasso_mat_func`` of SSC_ADMM_v1.1 (Elhamifar and Vidal), linear subspaces."""
    G = X.T @ X
    N = len(G)
    off = np.abs(G - np.diag(np.diag(G)))
    mu1, mu2 = alpha / off.max(axis=0).min(), alpha
    A = np.linalg.inv(mu1 * G + mu2 * np.eye(N, dtype=X.dtype))
    C = np.zeros((N, N), dtype=X.dtype)
    dual = np.zeros_like(C)
    error, iteration = 10 * 2e-4, 1
    while error > 2e-4 and iteration < 200:
        Z = A @ (mu1 * G + mu2 * (C - dual / mu2))
        np.fill_diagonal(Z, 0)
        new = np.maximum(0, np.abs(Z + dual / mu2) - 1 / mu2) * np.sign(Z + dual / mu2)
        np.fill_diagonal(new, 0)
        dual += mu2 * (Z - new)
        error = np.abs(Z - new).max()
        C = new
        iteration += 1
    return C


def ssc_omp(X: Matrix, atoms: int, threshold: float) -> Matrix:
    """``OMP_mat_func`` of You, Robinson and Vidal: image by image."""
    N = X.shape[1]
    C = np.zeros((N, N), dtype=X.dtype)
    for i in range(N):
        residual, support = X[:, i], np.empty(0, dtype=int)
        for _ in range(atoms):
            inner = np.abs(X.T @ residual)
            inner[i] = 0
            support = np.append(support, inner.argmax())
            c = np.linalg.lstsq(X[:, support], X[:, i], rcond=None)[0]
            residual = X[:, i] - X[:, support] @ c
            if residual @ residual < threshold:
                break
        C[support, i] = c
    return C


def lrr(X: Matrix, penalty: float) -> tuple[Matrix, Matrix]:
    """``solve_lrr`` of Liu et al.: the dictionary X Q, Q = orth(X^T); returns Z and J."""
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    Q = Vt[s > 1e-6 * s[0]].T
    A = X @ Q
    inverse = np.linalg.inv(A.T @ A + np.eye(A.shape[1], dtype=X.dtype))
    Z = np.zeros((A.shape[1], X.shape[1]), dtype=X.dtype)
    E, Y1 = np.zeros_like(X), np.zeros_like(X)
    Y2, mu = np.zeros_like(Z), 1e-6
    for _ in range(1000):
        U, s, Vt = np.linalg.svd(Z + Y2 / mu, full_matrices=False)
        J = (U * np.maximum(s - 1 / mu, 0)) @ Vt
        Z = inverse @ (A.T @ X - A.T @ E + J + (A.T @ Y1 - Y2) / mu)
        R = X - A @ Z + Y1 / mu
        norms = np.linalg.norm(R, axis=0)
        E = R * np.maximum(1 - (penalty / mu) / np.maximum(norms, 1e-12), 0)
        gap1, gap2 = X - A @ Z - E, Z - J
        if max(np.abs(gap1).max(), np.abs(gap2).max()) < 1e-6:
            break
        Y1, Y2 = Y1 + mu * gap1, Y2 + mu * gap2
        mu = min(1.1 * mu, 1e10)
    return Q @ Z, Q @ J
